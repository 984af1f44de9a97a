import type { ControllerKind } from '../controller.ts';

/** A fixed number of instances, there from the start. */
export const always =
  (count: number): ControllerKind =>
  () => ({
    ownLeave: 'never',
    tick(cloud) {
      for (let n = cloud.group().length; n < count; n++) cloud.launch(cloud.now < 10 ? { boot: 0.001 } : {});
      return 10;
    },
    forget() {},
  });
