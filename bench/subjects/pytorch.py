"""PyTorch's side of the benches: eager mode, the whole data set resident as uint8, minibatches gathered by index_select."""

import json
import platform
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {"selu": nn.SELU, "relu": nn.ReLU, "tanh": nn.Tanh}


class Block(nn.Module):
    """Two 3×3 convolutions with a way around them (He et al. 2016), 1×1 where the size changes."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.inner = nn.Sequential(convolved(channels, filters, 3, stride), nn.ReLU(), convolved(filters, filters, 3, 1))
        self.way = convolved(channels, filters, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return torch.relu(self.inner(x) + self.way(x))


def convolved(channels, filters, size, stride):
    convolution = nn.Conv2d(channels, filters, size, stride, size // 2, bias=False)
    nn.init.normal_(convolution.weight, 0, (2 / (size * size * channels)) ** 0.5)
    return nn.Sequential(convolution, nn.BatchNorm2d(filters))


def residual(workload):
    side, stages = round((workload["widths"][0] / 3) ** 0.5), workload["stages"]
    layers = [nn.Unflatten(1, (3, side, side)), convolved(3, stages[0], 3, 1), nn.ReLU()]
    channels = stages[0]
    for stage, filters in enumerate(stages):
        for block in range(3):
            layers.append(Block(channels, filters, 2 if stage > 0 and block == 0 else 1))
            channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, workload["widths"][-1]))


def build(workload):
    if "stages" in workload:
        return residual(workload)
    widths = list(workload["widths"])
    layers = []
    channels, side = 1, round(widths[0] ** 0.5)
    for count in workload.get("filters", []):
        convolution = nn.Conv2d(channels, count, 5, padding=2)
        nn.init.normal_(convolution.weight, 0, (2 / (25 * channels)) ** 0.5)
        nn.init.zeros_(convolution.bias)
        start = [nn.Unflatten(1, (1, side, side))] if channels == 1 else []
        layers += [*start, convolution, ACTIVATIONS[workload["activation"]](), nn.MaxPool2d(2)]
        channels, side = count, side // 2
    if channels > 1:
        layers.append(nn.Flatten())
        widths[0] = channels * side * side
    for fan_in, fan_out in zip(widths, widths[1:]):
        linear = nn.Linear(fan_in, fan_out)
        deviation = {"lecunNormal": 1 / fan_in, "heNormal": 2 / fan_in, "glorotNormal": 2 / (fan_in + fan_out)}[workload["initializer"]] ** 0.5
        nn.init.normal_(linear.weight, 0, deviation)
        nn.init.zeros_(linear.bias)
        layers += [linear, ACTIVATIONS[workload["activation"]]()]
    return nn.Sequential(*layers[:-1])


def runner(workload, images, labels, scale, learning_rate, options):
    model = build(workload)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, **options)
    rows, batch = len(images), workload["batch"]
    order = torch.randperm(rows)
    position = 0

    def run(steps):
        nonlocal order, position
        total_loss = torch.zeros(())
        correct = torch.zeros((), dtype=torch.int64)
        start = time.perf_counter()
        for _ in range(steps):
            if position + batch > rows:
                order = torch.randperm(rows)
                position = 0
            picked = order[position : position + batch]
            position += batch
            x = images.index_select(0, picked).float().mul_(scale)
            y = labels.index_select(0, picked)
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                total_loss += loss
                correct += (logits.argmax(1) == y).sum()
        total_loss.item(), correct.item()
        return (time.perf_counter() - start) * 1e6

    return run


def per_step(run, target):
    """Warms up until a block has taken `target` in all; the cost of a step in the last block."""
    run(1)
    steps, blocks, spent, cost = 1, 0, 0.0, float("inf")
    while blocks < 2 or spent < target:
        microseconds = run(steps)
        spent += microseconds
        blocks += 1
        cost = microseconds / steps
        steps = max(1, min(4 * steps, round(target / 2 / cost)))
    return cost


def main():
    request = json.loads(sys.argv[1])
    workload = request["workload"]
    torch.set_num_threads(request["threads"])
    torch.manual_seed(1)
    images = torch.randint(0, 256, (request["rows"], workload["widths"][0]), dtype=torch.uint8)
    labels = torch.randint(0, workload["widths"][-1], (request["rows"],))
    variants = {"SGD": {}, "SGD, foreach": {"foreach": True}, "SGD, fused": {"fused": True}}
    runs = {name: runner(workload, images, labels, request["pixelScale"], request["learningRate"], options) for name, options in variants.items()}
    target = request["blockSeconds"] * 1e6
    cost = {name: per_step(run, target) for name, run in runs.items()}
    best = min(cost, key=cost.get)
    steps = max(1, round(target / cost[best]))
    versions = {"torch": torch.__version__, "python": platform.python_version()}
    ready = {"ready": True, "variant": best, "warmUp": cost, "versions": versions, "threads": torch.get_num_threads()}
    print(json.dumps(ready), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"microsecondsPerStep": runs[best](steps) / steps, "steps": steps}), flush=True)


main()
