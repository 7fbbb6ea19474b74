"""PyTorch's side of the bench of recurrence: eager mode, the whole data set resident, minibatches gathered by index_select."""

import json
import sys

import torch
from blocks import serve
from torch import nn

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
    rows = workload["rows"]
    sequences = torch.rand(rows, workload["steps"], workload["features"]) * 2 - 1
    labels = torch.randint(0, workload["classes"], (rows,))
    net = Net(workload)
    optimizer = torch.optim.SGD(net.parameters(), lr=workload["learningRate"])
    serve(request, net, optimizer, sequences, labels, "eager")


main()
