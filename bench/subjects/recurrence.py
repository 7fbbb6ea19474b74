"""PyTorch's side of the bench of recurrence: eager mode, the whole data set resident, minibatches gathered by index_select."""

import json
import platform
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "simpleRnn": nn.RNN}


class Net(nn.Module):
    def __init__(self, workload):
        super().__init__()
        self.recurrent = KINDS[workload["kind"]](workload["features"], workload["units"], batch_first=True)
        self.head = nn.Linear(workload["units"], workload["classes"])

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


def main():
    request = json.loads(sys.argv[1])
    workload = request["workload"]
    torch.set_num_threads(request["threads"])
    torch.manual_seed(1)
    rows, batch = workload["rows"], workload["batch"]
    sequences = torch.rand(rows, workload["steps"], workload["features"]) * 2 - 1
    labels = torch.randint(0, workload["classes"], (rows,))
    net = Net(workload)
    optimizer = torch.optim.SGD(net.parameters(), lr=workload["learningRate"])

    def run(steps):
        total = torch.zeros(())
        start = time.perf_counter()
        done = 0
        while done < steps:
            order = torch.randperm(rows)
            for at in range(0, rows - batch + 1, batch):
                picked = order[at : at + batch]
                loss = F.cross_entropy(net(sequences.index_select(0, picked)), labels.index_select(0, picked))
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
        "variant": "eager",
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(ready), flush=True)
    for _ in sys.stdin:
        microseconds, done = run(steps)
        print(json.dumps({"microsecondsPerStep": microseconds, "steps": done}), flush=True)


main()
