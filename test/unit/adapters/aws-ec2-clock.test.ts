import { afterEach, expect, test } from 'bun:test';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import fc from 'fast-check';
import { clockSkew, Ec2Clock } from '../../../src/adapters/aws/clock.ts';
import { noon, testClient } from '../../support/ec2/fleet.ts';
import { type Ec2Server, startEc2 } from '../../support/ec2/server.ts';

let ec2: Ec2Server | undefined;
afterEach(() => ec2?.close());

test('whatever the fraction of the second, the way there and the drift, it is a second off at most', async () => {
  let time = noon;
  // What the monotonic clock shows runs a little fast, as crystals do.
  const monotonic = () => (time - noon) * 1.0001;
  ec2 = await startEc2({ now: () => time });
  const client = testClient(ec2.url);
  try {
    const pauses = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(pauses, async pauses => {
        const clock = new Ec2Clock(monotonic);
        expect(clock.now()).toBeUndefined();
        for (const pause of pauses) {
          time += pause;
          await client.send(clock.listen(new DescribeInstancesCommand({})));
          expect(clock.now()! - time).toBeGreaterThanOrEqual(-1_001);
          expect(clock.now()! - time).toBeLessThanOrEqual(1_000);
        }
      }),
      { numRuns: 30 },
    );
  } finally {
    client.destroy();
  }
});

test('half a minute is nothing, an hour is worth a word', () => {
  expect(clockSkew(noon + 30_000, noon)).toBeUndefined();
  expect(clockSkew(noon - 30_000, noon)).toBeUndefined();
  expect(clockSkew(noon + 3_600_000, noon)?.told).toBe('this machine’s clock is 3600 s ahead of EC2’s');
  expect(clockSkew(noon - 31_000, noon)).toEqual({
    seconds: -31,
    told: 'this machine’s clock is 31 s behind EC2’s',
  });
});
