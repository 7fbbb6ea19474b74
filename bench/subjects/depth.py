"""PyTorch's side of the bench of depth: eager mode, as nn.Sequential or with weights [n, width, width] in a loop, denormal numbers flushed."""

import json
import sys

import torch
from blocks import serve
from torch import nn


class Stacked(nn.Module):
    """All layers' weights as two parameters, walked by a Python loop."""

    def __init__(self, depth, width, classes):
        super().__init__()
        kernels = torch.empty(depth, width, width)
        for kernel in kernels:
            nn.init.orthogonal_(kernel)
        self.kernels = nn.Parameter(kernels)
        self.biases = nn.Parameter(torch.zeros(depth, width))
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        for kernel, bias in zip(self.kernels.unbind(), self.biases.unbind()):
            x = torch.tanh(torch.addmm(bias, x, kernel))
        return self.head(x)


def sequential(depth, width, classes):
    modules = []
    for _ in range(depth):
        linear = nn.Linear(width, width)
        nn.init.orthogonal_(linear.weight)
        nn.init.zeros_(linear.bias)
        modules += [linear, nn.Tanh()]
    return nn.Sequential(*modules, nn.Linear(width, classes))


def normalized(depth, width, classes):
    modules = []
    for _ in range(depth):
        modules += [nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*modules, nn.Linear(width, classes))


# foreach updates all parameters of a step together: the faster way for thousands of small ones, but for Adam's fused kernel.
forms = {
    "sequential": (sequential, torch.optim.SGD, {"foreach": True}),
    "stacked": (Stacked, torch.optim.SGD, {"foreach": True}),
    "normalized-fused": (normalized, torch.optim.Adam, {"fused": True}),
    "normalized-foreach": (normalized, torch.optim.Adam, {"foreach": True}),
}


def main():
    request = json.loads(sys.argv[1])
    workload = request["workload"]
    torch.set_num_threads(request["threads"])
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    rows, width = workload["rows"], workload["width"]
    inputs = torch.rand(rows, width) * 2 - 1
    labels = torch.randint(0, workload["classes"], (rows,))
    make, rule, settings = forms[request["form"]]
    net = make(workload["depth"], width, workload["classes"])
    optimizer = rule(net.parameters(), lr=workload["learningRate"], **settings)
    serve(request, net, optimizer, inputs, labels, request["form"])


main()
