"""What PyTorch's subjects share: training steps on a resident data set, a block of them for every line on stdin."""

import json
import platform
import sys
import time

import torch
from torch.nn import functional as F


def serve(request, net, optimizer, inputs, labels, variant):
    """Warms up, says so, then times a block of steps of about `blockSeconds` whenever a line comes in. Minibatches are gathered by index_select."""
    rows, batch = len(inputs), request["workload"]["batch"]

    def run(steps):
        total = torch.zeros(())
        start = time.perf_counter()
        done = 0
        while done < steps:
            order = torch.randperm(rows)
            for at in range(0, rows - batch + 1, batch):
                picked = order[at : at + batch]
                loss = F.cross_entropy(net(inputs.index_select(0, picked)), labels.index_select(0, picked))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                with torch.no_grad():
                    total += loss
                done += 1
        total.item()
        return (time.perf_counter() - start) * 1e6 / done, done

    run(1)
    cost, _ = run(1)
    steps = max(1, round(request["blockSeconds"] * 1e6 / cost))
    ready = {
        "ready": True,
        "variant": variant,
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(ready), flush=True)
    for _ in sys.stdin:
        microseconds, done = run(steps)
        print(json.dumps({"microsecondsPerStep": microseconds, "steps": done}), flush=True)
