import * as v from 'valibot';
import { parseJsonBytes } from './json.ts';

const time = v.pipe(v.number(), v.integer());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** What the acting controller shows of itself, as a small object in the output store. Times in ms, by the fleet's clock. */
export const FleetStatusSchema = v.object({
  v: v.literal(1),
  at: time,
  /** Instances wanted, and the bounds. */
  desired: count,
  min: count,
  max: count,
  instances: v.array(
    v.object({
      id: v.string(),
      slot: count,
      state: v.picklist(['pending', 'running', 'draining']),
      launchedAt: time,
      /** Whether its worker has ever reported. */
      reported: v.boolean(),
      /** Reported, and nothing heard of it for a minute. */
      silent: v.boolean(),
      idle: v.boolean(),
    }),
  ),
  /** The last ones that did something, the latest first. */
  decisions: v.array(
    v.object({
      at: time,
      launch: count,
      drain: count,
      terminate: count,
      reasons: v.array(v.string()),
    }),
  ),
});
export type FleetStatus = v.InferOutput<typeof FleetStatusSchema>;

/** It is written at least so often while a controller acts. */
export const STATUS_BEAT_SECONDS = 60;

/** In the output store. */
export function fleetStatusKey(fleet: string): string {
  return `fleet/${fleet}/status`;
}

/** undefined for anything that is no status. */
export function parseFleetStatus(body: Uint8Array): FleetStatus | undefined {
  return parseJsonBytes(FleetStatusSchema, body);
}
