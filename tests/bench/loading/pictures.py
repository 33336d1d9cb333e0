"""Pictures as in ImageNet: makes FOLDER/train/CLASS/NAME.JPEG, the same ones for the same seed.

About 500x375 pixels and 110 KB, as the mean of ImageNet. Photographs have as much detail at every scale: a power that falls with
the square of the frequency (Field 1987), to which figures with sharp edges are added; colours vary less than light.
"""

import os

import numpy
from PIL import Image

CLASSES = 10


def detail(random, height, width):
    "Noise of mean 0 and deviation 1 whose amplitude falls with frequency."
    across = numpy.hypot(numpy.fft.fftfreq(height)[:, None], numpy.fft.rfftfreq(width)[None, :])
    across[0, 0] = 1.0
    phases = numpy.exp(2j * numpy.pi * random.random(across.shape))
    map_ = numpy.fft.irfft2(phases / across, s=(height, width))
    return (map_ - map_.mean()) / map_.std()


def picture(random):
    width, height = (int(side + random.integers(-60, 61)) for side in (500, 375))
    if random.random() < 0.25:
        width, height = height, width
    light = 55.0 * detail(random, height, width)
    rows, columns = numpy.mgrid[:height, :width]
    for _ in range(12):
        middle, size = random.random(2) * (height, width), random.uniform(15, 120)
        turn = random.uniform(0, numpy.pi)
        down, right = rows - middle[0], columns - middle[1]
        inside = numpy.abs(down * numpy.cos(turn) + right * numpy.sin(turn)) < size
        inside &= numpy.abs(right * numpy.cos(turn) - down * numpy.sin(turn)) < size * random.uniform(0.3, 1.0)
        light[inside] = 0.5 * light[inside] + random.uniform(-70, 70)
    blue, red = (25.0 * detail(random, height, width) for _ in range(2))
    planes = [120 + light, 128 + blue, 128 + red]
    return Image.merge("YCbCr", [Image.fromarray(plane.clip(0, 255).astype(numpy.uint8)) for plane in planes]).convert("RGB")


def make(folder, count, seed):
    "Makes `count` pictures; returns the mean of their sizes in bytes."
    random = numpy.random.default_rng(seed)
    total = 0
    for number in range(count):
        inside = os.path.join(folder, "train", f"n{number % CLASSES:08}")
        os.makedirs(inside, exist_ok=True)
        path = os.path.join(inside, f"{number:05}.JPEG")
        picture(random).save(path, quality=90)
        total += os.path.getsize(path)
    return total / count
