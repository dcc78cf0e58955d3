#!/usr/bin/env python3
"""scipy's linear and cubic interpolation of the values that `bin/diffsvd recover --size 256` sees, PSNR in dB of the whole picture.

usage: bench/peers/interpolation.py [--seed N] PICTURE...

Every channel alone. Linear on Delaunay triangles, cubic by Clough and Tocher, the nearest value outside of the triangles. The column "seen" is psnr_seen of
metrics.json: where it differs, so do the values.
"""
import argparse

import numpy as np
from PIL import Image
from scipy.interpolate import CloughTocher2DInterpolator, LinearNDInterpolator, NearestNDInterpolator

SIDE = 256
RATES = [0.04, 0.1, 0.3, 0.4, 0.5]


def coverage(length):
    """Row i has the share of each of `length` pixels in pixel i of SIDE."""
    ends = np.arange(SIDE + 1) * length / SIDE
    places = np.arange(length)
    share = np.minimum(ends[1:, None], places + 1) - np.maximum(ends[:-1, None], places)
    return np.maximum(share, 0) * SIDE / length


def picture(file):
    """The centre square, scaled to SIDE × SIDE by the mean over areas."""
    values = np.asarray(Image.open(file).convert("RGB")) / 255
    side = min(values.shape[:2])
    top, left = (values.shape[0] - side) // 2, (values.shape[1] - side) // 2
    weights = coverage(side)
    return np.einsum("yi,ijc,xj->yxc", weights, values[top:top + side, left:left + side], weights, optimize=True)


def seen(rate, seed):
    """The mask of Samples.of: one number of Java's SplittableRandom a value."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, SIDE * SIDE * 3 + 1, dtype=np.uint64)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)) * 2.0**-53 < rate).reshape(SIDE, SIDE, 3)


def psnr(result, truth):
    return 10 * np.log10(truth.size / np.sum((np.clip(result, 0, 1) - truth) ** 2))


def interpolated(method, truth, mask):
    result = truth.copy()
    for c in range(3):
        known, hidden = np.argwhere(mask[..., c]), np.argwhere(~mask[..., c])
        values = truth[..., c][mask[..., c]]
        guess = method(known, values)(hidden)
        result[..., c][~mask[..., c]] = np.where(np.isnan(guess), NearestNDInterpolator(known, values)(hidden), guess)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"{'picture':30} {'rate':>5} {'seen':>6} {'linear':>6} {'cubic':>6}")
    for file in arguments.pictures:
        truth = picture(file)
        for rate in RATES:
            mask = seen(rate, arguments.seed)
            results = [truth * mask, interpolated(LinearNDInterpolator, truth, mask), interpolated(CloughTocher2DInterpolator, truth, mask)]
            print(f"{file[-30:]:30} {rate:5.2f}" + "".join(f" {psnr(each, truth):6.2f}" for each in results), flush=True)


if __name__ == "__main__":
    main()
