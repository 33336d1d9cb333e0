"""The training of steps.rhai written as one writes it in PyTorch: python3 eager.py THREADS [--compile]

Stage 2 of `pocket` with inverted residuals as an elastic stage, distilled from a small ResNet by the sandwich rule (four nets
a step), in FP32 and then with LSQ+. Prints steps a second of each, and the seconds before they count, as a line of JSON. Images
are drawn beforehand: none of its time goes into data. With `--compile` net and loss go through torch.compile.
"""

import json
import random
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

BATCH, WARM, STEPS = 32, 10, 60
# In these steps torch.compile meets all the nets that it compiles.
COMPILED_WARM = 60
WIDTHS_IN, WIDTHS, EXPANDS, DEPTHS = [16, 24, 32, 40], [32, 40, 48, 64], [2, 4], [1, 2]
TEACHER_IN, TEACHER_OUT = 24, 48


def divisible(value):
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


class Rounded(torch.autograd.Function):
    """Rounds; gradients pass."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def scaled(x, factor):
    """`x` with its gradient multiplied by `factor`."""
    return (x - x * factor).detach() + x * factor


class Conv(nn.Module):
    """A convolution that takes leading channels of its weight, with LSQ+ on its input and its weight if asked."""

    def __init__(self, cin, cout, kernel=1, depthwise=False, bias=False):
        super().__init__()
        self.kernel, self.depthwise = kernel, depthwise
        self.weight = nn.Parameter(torch.randn(cout, 1 if depthwise else cin, kernel, kernel) * 0.1)
        self.bias = nn.Parameter(torch.zeros(cout)) if bias else None
        self.sw, self.sa, self.offset = (nn.Parameter(torch.tensor(value)) for value in (1.0, 1.0, 0.0))
        self.ready = False

    def quantized(self, x, weight):
        with torch.no_grad():
            if not self.ready:
                low, high = x.min().clamp(max=0), x.max()
                self.sa.copy_((high - low).clamp(min=1e-6) / 255)
                self.offset.copy_(low)
                self.sw.copy_(self.weight.abs().max() / 127)
                self.ready = True
            self.sa.clamp_(min=1e-6)
            self.sw.clamp_(min=1e-6)
        factor = (x[0].numel() * 255) ** -0.5
        sa, offset = scaled(self.sa, factor), scaled(self.offset, factor)
        x = Rounded.apply(((x - offset) / sa).clamp(0, 255)) * sa + offset
        sw = scaled(self.sw, (weight.numel() * 127) ** -0.5)
        return x, Rounded.apply((weight / sw).clamp(-127, 127)) * sw

    def forward(self, x, cout, stride=1, int8=False):
        weight = self.weight[:cout] if self.depthwise else self.weight[:cout, : x.shape[1]]
        if int8:
            x, weight = self.quantized(x, weight)
        bias = None if self.bias is None else self.bias[:cout]
        return F.conv2d(x, weight, bias, stride, self.kernel // 2, groups=cout if self.depthwise else 1)


class Norm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        count = x.shape[1]
        return F.batch_norm(x, None, None, self.gamma[:count], self.beta[:count], training=True)


class Block(nn.Module):
    def __init__(self, widest_in, widest):
        super().__init__()
        hidden = divisible(widest_in * max(EXPANDS))
        self.expand, self.depth = Conv(widest_in, hidden), Conv(hidden, hidden, 3, depthwise=True)
        self.project, self.short = Conv(hidden, widest), Conv(widest_in, widest)
        self.norms = nn.ModuleList(Norm(count) for count in (hidden, hidden, widest, widest))

    def forward(self, x, width, expand, stride, int8):
        hidden = divisible(x.shape[1] * expand)
        y = F.relu6(self.norms[0](self.expand(x, hidden, 1, int8)))
        y = F.relu6(self.norms[1](self.depth(y, hidden, stride, int8)))
        y = self.norms[2](self.project(y, width, 1, int8))
        if stride == 1 and x.shape[1] == width:
            return y + x
        return y + self.norms[3](self.short(x, width, stride, int8))


class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = Conv(TEACHER_IN, max(WIDTHS_IN), bias=True)
        self.blocks = nn.ModuleList([Block(max(WIDTHS_IN), max(WIDTHS)), Block(max(WIDTHS), max(WIDTHS))])
        self.leave = Conv(max(WIDTHS), TEACHER_OUT, bias=True)

    def forward(self, x, net, int8):
        x = self.enter(x, net["in"], 1, int8)
        for at, (width, expand) in enumerate(net["blocks"]):
            x = self.blocks[at](x, width, expand, 2 if at == 0 else 1, int8)
        return self.leave(x, TEACHER_OUT, 1, int8)


class Teacher(nn.Module):
    """The teacher as deep as stage 2."""

    def __init__(self):
        super().__init__()

        def conv(cin, cout, stride=1, kernel=3):
            return nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(cout))

        self.stem = conv(3, 24, 2)
        plan = [(24, 24, 1), (24, 24, 1), (24, 48, 2), (48, 48, 1)]
        self.mains = nn.ModuleList(nn.Sequential(conv(a, b, s), nn.ReLU(), conv(b, b)) for a, b, s in plan)
        self.shorts = nn.ModuleList(nn.Identity() if a == b else conv(a, b, s, 1) for a, b, s in plan)

    def forward(self, x):
        x, maps = F.relu(self.stem(x)), []
        for main, short in zip(self.mains, self.shorts):
            x = F.relu(main(x) + short(x))
            maps.append(x)
        return maps[1], maps[3]


def nsr(student, teacher):
    variance = teacher.var((2, 3))
    return ((student - teacher).square().mean((2, 3)) / torch.maximum(variance, 0.01 * variance.mean())).mean()


def sample():
    return {"in": random.choice(WIDTHS_IN), "blocks": [(random.choice(WIDTHS), random.choice(EXPANDS)) for _ in range(random.choice(DEPTHS))]}


def loss_of(stage, x, net, target, int8):
    return nsr(stage(x, net, int8), target)


def train(stage, teacher, images, int8, compiled):
    """Steps a second, and the seconds before they are counted."""
    started = time.perf_counter()
    loss = torch.compile(loss_of, dynamic=True) if compiled else loss_of
    warm = COMPILED_WARM if compiled else WARM
    largest = {"in": max(WIDTHS_IN), "blocks": [(max(WIDTHS), max(EXPANDS))] * max(DEPTHS)}
    smallest = {"in": min(WIDTHS_IN), "blocks": [(min(WIDTHS), min(EXPANDS))] * min(DEPTHS)}
    weights = [one for one in stage.parameters() if one.dim() == 4]
    others = [one for one in stage.parameters() if one.dim() < 4]
    groups = [{"params": weights, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.Adam(groups, lr=1e-3 if int8 else 1e-2, foreach=True)
    for step in range(warm + STEPS):
        if step == warm:
            began = time.perf_counter()
        with torch.no_grad():
            x, target = teacher(images[step % len(images)])
        optimizer.zero_grad(set_to_none=True)
        for net in (largest, sample(), sample(), smallest):
            loss(stage, x, net, target, int8).backward()
        nn.utils.clip_grad_value_(stage.parameters(), 1.0)
        optimizer.step()
    return {"steps": STEPS / (time.perf_counter() - began), "warm_s": began - started}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(1)
    random.seed(1)
    images = [torch.randn(BATCH, 3, 32, 32).contiguous(memory_format=torch.channels_last) for _ in range(8)]
    teacher, stage = Teacher().eval(), Stage()
    for module in (teacher, stage):
        module.to(memory_format=torch.channels_last)
    compiled = "--compile" in sys.argv
    for phase in ("fp32", "int8"):
        print(json.dumps({"phase": phase, **train(stage, teacher, images, phase == "int8", compiled)}), flush=True)


if __name__ == "__main__":
    main()
