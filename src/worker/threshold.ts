import type { Config } from '../config.ts';
import { thresholdFor } from '../core/falseAccepts.ts';
import type { Manifest } from '../face/manifest.ts';

type Wanted = Pick<Config, 'threshold' | 'targetFar'>;

/** Least similarity at which a face is named, in a gallery of so many faces; a request may override it. */
export function thresholdOf(
  { threshold, targetFar }: Wanted,
  { similarity, impostors }: Manifest['thresholds'],
  faces: number,
): number {
  if (threshold !== undefined) return threshold;
  if (targetFar === undefined || impostors === undefined) return similarity;
  // As results show it.
  return Math.round(1e4 * thresholdFor(impostors, targetFar, faces)) / 1e4;
}

/** Why a wanted rate of false accepts cannot be had; undefined when it can. */
export function targetProblem(
  { threshold, targetFar }: Wanted,
  { impostors }: Manifest['thresholds'],
): string | undefined {
  if (targetFar === undefined || threshold !== undefined || impostors !== undefined) return undefined;
  return (
    'FACEREC_TARGET_FAR: the manifest of these models has no thresholds.impostors, without which the rate of false accepts is ' +
    'not known. Measure it with "facerec-worker evaluate", or set FACEREC_THRESHOLD'
  );
}
