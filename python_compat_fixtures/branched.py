"""The nets that the tables of distributed training train; tests/training/branched_net.h is their counterpart."""

import torch


class BranchedNet(torch.nn.Module):
    """Two branches, of which an input picks one, and a running mean."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(4, 5)
        self.left = torch.nn.Linear(5, 2)
        self.right = torch.nn.Linear(5, 2)
        self.register_buffer("seen", torch.zeros(4))

    def forward(self, x: torch.Tensor, branch: str) -> torch.Tensor:
        """Take the branches that are named."""
        self.seen += x.detach().mean(0)
        hidden = torch.tanh(self.first(x))
        if branch == "both":
            return self.left(hidden) + self.right(hidden)
        return self.left(hidden) if branch == "left" else self.right(hidden)


class Bank(torch.nn.Module):
    """Numbers that are no parameters."""

    def __init__(self, numbers: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("numbers", numbers)


class NormedNet(torch.nn.Module):
    """Batch norm, whose backward keeps its buffers, and a bank that may be replaced by one of more numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(4, 5)
        self.norm = torch.nn.BatchNorm1d(5)
        self.last = torch.nn.Linear(5, 2)
        self.bank = Bank(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale by what the bank holds."""
        return self.last(torch.tanh(self.norm(self.first(x)))) * (1 + self.bank.numbers.sum())
