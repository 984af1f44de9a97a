import type { Cloud } from '../controller.ts';

/** Brings an Auto Scaling group, or a deployment, to `desired`. */
export function bringTo(
  cloud: Cloud,
  desired: number,
  scaleIn: (cloud: Cloud, order: number[], count: number) => void,
): void {
  const order = cloud
    .group()
    .filter(({ granted }) => !granted)
    .map(({ index }) => index);
  for (let n = order.length; n < desired; n++) cloud.launch();
  if (order.length > desired) scaleIn(cloud, order, order.length - desired);
}

/** The newest go, with time to finish: SIGTERM and a grace period. */
export function newestGracefully(cloud: Cloud, order: number[], count: number): void {
  cloud.drain(order.slice(-count), 0.2);
}
