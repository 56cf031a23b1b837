"""Layers that PyTorch has no class for: rounding up as in the authors' 2012 code, and LRN within groups.

Each class stands alone and has no types, as one would write it for one's own script: `source.py` copies its text into
the PyTorch source of a network that needs it.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F  # noqa: N812 (torch's own convention)


class CeilConv2d(nn.Conv2d):
    """A convolution that rounds up, as the authors' 2012 code does: zeros fill the last window."""

    def forward(self, x):
        kernel, stride, padding = self.kernel_size[0], self.stride[0], self.padding[0]
        bottom, right = (-(n + 2 * padding - kernel) % stride for n in x.shape[-2:])  # pixels missing
        x = F.pad(x, (padding, padding + right, padding, padding + bottom))
        return F.conv2d(x, self.weight, self.bias, stride, groups=self.groups)


class CeilMaxPool2d(nn.MaxPool2d):
    """Max pooling as in the 2012 code: it rounds up, and pads on the left and top only."""

    def forward(self, x):
        kernel, stride, padding = self.kernel_size, self.stride, self.padding
        bottom, right = (-(n + padding - kernel) % stride for n in x.shape[-2:])  # pixels missing
        x = F.max_pool2d(F.pad(x, (padding, right, padding, bottom), value=float("-inf")), kernel, stride)
        # A window that lies in padding alone gives 0.
        return x.masked_fill(x == float("-inf"), 0.0)


class CeilAvgPool2d(nn.AvgPool2d):
    """Average pooling as in the 2012 code: it rounds up, and pads on the left and top only."""

    def forward(self, x):
        kernel, stride, padding = self.kernel_size, self.stride, self.padding
        bottom, right = (-(n + padding - kernel) % stride for n in x.shape[-2:])  # pixels missing
        border = (padding, right, padding, bottom)
        # The mean over the pixels that are really there: the padded mean, divided by their share.
        share = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), border), kernel, stride)
        return F.avg_pool2d(F.pad(x, border), kernel, stride) / share.clamp(min=1 / kernel**2)


class GroupedLRN(nn.LocalResponseNorm):
    """Local response normalisation within each group of channels, as on the paper's two GPUs."""

    def __init__(self, size, alpha, beta, k, groups):
        super().__init__(size, alpha, beta, k)
        self.groups = groups

    def forward(self, x):
        batch, channels, height, width = x.shape
        # Each group becomes an image of its own, so that no window reaches over its border.
        apart = x.reshape(batch * self.groups, channels // self.groups, height, width)
        return super().forward(apart).reshape(x.shape)

    def extra_repr(self):
        return f"{super().extra_repr()}, groups={self.groups}"
