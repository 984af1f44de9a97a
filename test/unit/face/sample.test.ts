import { describe, expect, test } from 'bun:test';
import { type InputFormat, type Matrix, sample } from '../../../src/face/sample.ts';

/** A ramp: red = 10 x, green = 10 y, blue = 100. */
const ramp = (width: number, height: number) => {
  const pixels = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++)
    pixels.set([10 * (i % width), 10 * Math.floor(i / width), 100], 3 * i);
  return { width, height, pixels };
};
const format = (side: number, channels: InputFormat['channels']): InputFormat => ({
  shape: [1, channels === 'grey' ? 1 : 3, side, side],
  channels,
  mean: 0,
  divisor: 1,
});
function crop(matrix: Matrix, input: InputFormat, photo = ramp(16, 16)): number[] {
  const target = new Float32Array(input.shape[1] * input.shape[2] * input.shape[3]).fill(-1);
  sample(photo, matrix, input, target);
  return [...target].map(value => Math.round(value * 1000) / 1000);
}

describe('sample', () => {
  test('copies pixels plane by plane', () => {
    const found = crop([1, 0, 3, 0, 1, 5], format(2, 'rgb'));
    expect(found).toEqual([30, 40, 30, 40, 50, 50, 60, 60, 100, 100, 100, 100]);
  });

  test('orders planes, and normalises', () => {
    const bgr = { ...format(1, 'bgr'), mean: 100, divisor: 10 };
    expect(crop([1, 0, 3, 0, 1, 5], bgr)).toEqual([0, -5, -7]);
  });

  test('makes BT.601 luma', () => {
    expect(crop([1, 0, 3, 0, 1, 5], format(1, 'grey'))).toEqual([49.72]);
  });

  test('interpolates between pixels', () => {
    expect(crop([1, 0, 3.25, 0, 1, 5.5], format(1, 'rgb'))).toEqual([32.5, 55, 100]);
  });

  test('turns', () => {
    const found = crop([0, -1, 8, 1, 0, 4], format(2, 'rgb'));
    expect(found.slice(0, 8)).toEqual([80, 80, 70, 70, 40, 50, 40, 50]);
  });

  test('averages where the crop shrinks the photo', () => {
    const checks = {
      width: 8,
      height: 8,
      pixels: new Uint8Array(192).map((_, i) => (((i / 3) | 0) % 2) * 200),
    };
    expect(crop([4, 0, 1.5, 0, 4, 1.5], format(1, 'rgb'), checks)).toEqual([100, 100, 100]);
  });

  test('is black beyond the edges, and fades to it', () => {
    const white = { width: 4, height: 4, pixels: new Uint8Array(48).fill(200) };
    for (const [x, y, expected] of [
      [-1, 1, 0],
      [-0.5, 1, 100],
      [0, 0, 200],
      [3, 3, 200],
      [3.5, 3.5, 50],
      [4, 2, 0],
      [-1e9, 1e9, 0],
    ] as const) {
      expect(crop([1, 0, x, 0, 1, y], format(1, 'rgb'), white)[0]).toBe(expected);
    }
  });
});
