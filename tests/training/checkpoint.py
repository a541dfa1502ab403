"""Goes on from a checkpoint that C++ wrote, and writes what it comes to: checkpoint.py <read> <write>."""

import sys

import torch
from torch import nn

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.3),
    "adam": lambda p: torch.optim.Adam(p, lr=0.5, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.5),
}


def main() -> None:
    checkpoint = torch.load(sys.argv[1])  # weights_only, as is its default
    net = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    net.load_state_dict(checkpoint["model"])
    net.eval()
    with torch.no_grad():
        torch.testing.assert_close(net(checkpoint["input"]), checkpoint["output"], rtol=1e-6, atol=1e-6)
    net.train()
    # The options of the file count, not those that the optimizer is made with.
    optimizer = OPTIMIZERS[checkpoint["optimizer_name"]](net.parameters())
    optimizer.load_state_dict(checkpoint["optimizer"])
    optimizer.zero_grad()
    net(checkpoint["input"]).square().mean().backward()
    optimizer.step()
    torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()}, sys.argv[2])


if __name__ == "__main__":
    main()
