"""Times the reading of training images: python loading.py LAB ROUNDS

The same pictures, cut at random, brought to size by bicubic interpolation, mirrored and made numbers in batches of 64 on both
sides; neither changes colours, for training from files here does not. torchvision does it in the workers of a DataLoader, which
live on between passes; the first pass is not counted on either side, so that all files are in the system's memory. Rounds of
both stand in turn, so that a change of the machine's pace falls on both.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import pictures
import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

HERE = os.path.dirname(os.path.abspath(__file__))
PICTURES, PASSES, BATCH = 400, 3, 64
SIZES, WORKERS = (160, 224), (1, 2)
BICUBIC, BILINEAR = transforms.InterpolationMode.BICUBIC, transforms.InterpolationMode.BILINEAR


def ours(lab, folder, size, threads):
    call = [lab, "--quiet", "--lab", os.path.join(folder, "lab"), "--json", os.path.join(HERE, "speed.rhai")]
    options = ["--path", folder, "--size", str(size), "--threads", str(threads), "--images", str(PASSES * PICTURES), "--batch", str(BATCH)]
    done = subprocess.run(call + options, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"`{' '.join(call + options)}` failed:\n{done.stderr}")
    return json.loads(done.stdout)


class Loader:
    "Passes over a folder by torchvision."

    def __init__(self, folder, size, workers, interpolation):
        steps = transforms.Compose([
            transforms.RandomResizedCrop(size, interpolation=interpolation),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])
        images = ImageFolder(os.path.join(folder, "train"), steps)
        # One long pass, so that workers do not run dry between passes.
        order = torch.utils.data.RandomSampler(images, num_samples=PASSES * PICTURES)
        self.loader = DataLoader(images, BATCH, sampler=order, num_workers=workers, persistent_workers=True)

    def speed(self):
        "Images a second, all passes but the first of a set of workers."
        began, seen = time.perf_counter(), 0
        for x, _ in self.loader:
            seen += len(x)
        return seen / (time.perf_counter() - began)


def main():
    lab, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        size = pictures.make(folder, PICTURES, 1)
        print(f"{PICTURES} pictures of about 500x375 pixels and {size / 1000:.0f} KB; {PASSES * PICTURES} images a run, medians of {rounds} rounds")
        for side in SIZES:
            for threads in WORKERS:
                ways = {
                    "ours": lambda: ours(lab, folder, side, threads),
                    "torchvision": Loader(folder, side, threads, BICUBIC).speed,
                    "torchvision_bilinear": Loader(folder, side, threads, BILINEAR).speed,
                }
                speeds = {way: [] for way in ways}
                for number in range(rounds + 1):
                    for way, speed in ways.items():
                        taken = speed()
                        if number:
                            speeds[way].append(taken)
                mine, other, bilinear = (statistics.median(speeds[way]) for way in ways)
                print(f"{side} pixels, {threads} thread(s) or worker(s), images a second:")
                for way, taken in speeds.items():
                    print(f"  {way}: {', '.join(f'{one:.0f}' for one in taken)}")
                print(f"  torchvision's cheaper bilinear interpolation, its default: ratio {mine / bilinear:.2f}")
                print(f"claim loading_{side}px_{threads}t {mine:.0f} images/s, baseline torchvision {other:.0f}, ratio {mine / other:.2f}")


if __name__ == "__main__":
    main()
