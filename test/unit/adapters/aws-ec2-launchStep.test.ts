import { describe, expect, test } from 'bun:test';
import { replyOfError } from '../../../src/adapters/aws/launchReply.ts';
import { type Attempt, nextStep } from '../../../src/adapters/aws/launchStep.ts';
import { placements } from '../../../src/adapters/aws/placements.ts';
import { Slots } from '../../../src/adapters/aws/slots.ts';
import { clientToken, epochOf, epochRule, formatMark, parseMark } from '../../../src/adapters/aws/token.ts';

const first: Attempt = { epoch: 7, generation: 3, placement: 0 };
const at = { placements: 2, alone: true, now: 1_000_000 };
const noCapacity = { kind: 'no-capacity', code: 'InsufficientInstanceCapacity' } as const;

describe('nextStep', () => {
  test('goes on to the next placement after a certain refusal', () => {
    expect(nextStep(first, noCapacity, at)).toEqual({ next: 'ask', attempt: { ...first, placement: 1 } });
  });

  test('begins with the first placement again when all are full', () => {
    expect(nextStep({ ...first, placement: 1 }, noCapacity, at)).toEqual({
      next: 'rest',
      why: 'no-capacity',
      attempt: first,
    });
  });

  test('keeps to its placement where another controller might be launching', () => {
    expect(nextStep(first, noCapacity, { ...at, alone: false })).toMatchObject({
      attempt: first,
      next: 'rest',
    });
  });

  test('keeps its token after a lost reply, however clear the next refusal is', () => {
    const step = nextStep(first, { kind: 'lost', code: 'ECONNRESET' }, at);
    if (step.next !== 'rest') throw new Error('no rest');
    expect(step.attempt).toEqual({ ...first, lostAt: at.now });
    expect(nextStep(step.attempt, noCapacity, { ...at, now: at.now + 60_000 })).toMatchObject({
      next: 'rest',
      attempt: step.attempt,
    });
    expect(nextStep(step.attempt, noCapacity, { ...at, now: at.now + 60_001 })).toEqual({
      next: 'ask',
      attempt: { ...first, placement: 1 },
    });
  });

  test('follows the chain past an instance that has ended, also where it is not alone', () => {
    const next = { epoch: 7, generation: 4, placement: 0 };
    const lost = { ...first, placement: 1, lostAt: 5 };
    expect(nextStep(lost, { kind: 'over' }, { ...at, alone: false })).toEqual({ next: 'ask', attempt: next });
  });

  test('leaves a token with other parameters to its owner, unless there can be none', () => {
    const reply = { kind: 'mismatch' } as const;
    expect(nextStep(first, reply, { ...at, alone: false })).toEqual({ next: 'leave-slot', attempt: first });
    expect(nextStep(first, reply, at)).toMatchObject({ next: 'ask', attempt: { generation: 4 } });
  });
});

describe('replyOfError', () => {
  const error = (name: string, httpStatusCode?: number, attempts = 1) =>
    Object.assign(new Error('said'), { name, $metadata: { httpStatusCode, attempts } });
  test.each([
    ['IdempotentInstanceTerminated', 400, 'over'],
    ['IdempotentParameterMismatch', 400, 'mismatch'],
    ['InsufficientInstanceCapacity', 500, 'no-capacity'],
    ['InsufficientFreeAddressesInSubnet', 400, 'no-capacity'],
    ['Unsupported', 400, 'no-capacity'],
    ['SpotMaxPriceTooLow', 400, 'no-capacity'],
    ['MaxSpotInstanceCountExceeded', 400, 'no-capacity'],
    ['VcpuLimitExceeded', 400, 'no-capacity'],
    ['RequestLimitExceeded', 503, 'throttled'],
    ['UnauthorizedOperation', 403, 'refused'],
    ['InvalidAMIID.NotFound', 400, 'refused'],
    ['InvalidParameterValue', 400, 'refused'],
    ['CredentialsProviderError', undefined, 'refused'],
    ['InternalError', 500, 'lost'],
    ['Unavailable', 503, 'lost'],
    ['TimeoutError', undefined, 'lost'],
    ['Error', undefined, 'lost'],
  ])('%s (%p) is %s', (name, status, kind) => {
    expect(replyOfError(error(name, status), 'test').kind).toBe(kind as 'lost');
  });

  test('a refusal after several tries is not certain', () => {
    expect(replyOfError(error('InsufficientInstanceCapacity', 500, 2), 'test').kind).toBe('lost');
  });
});

describe('tokens', () => {
  test('are the same for the same launch, and different for any other', () => {
    const token = clientToken('a', 1, first);
    expect(token).toMatch(/^[0-9a-f]{48}$/);
    expect(clientToken('a', 1, { ...first })).toBe(token);
    const others = [
      clientToken('b', 1, first),
      clientToken('a', 2, first),
      clientToken('a', 1, { ...first, epoch: 8 }),
      clientToken('a', 1, { ...first, generation: 4 }),
      clientToken('a', 1, { ...first, placement: 1 }),
    ];
    expect(new Set([token, ...others]).size).toBe(6);
  });

  test('marks survive a tag; what is none is none', () => {
    expect(parseMark(formatMark(first))).toEqual({ epoch: 7, generation: 3, placement: 0 });
    for (const text of [undefined, '', '1.2', '1.2.3.4', '-1.2.3', 'x.y.z'])
      expect(parseMark(text)).toBeUndefined();
  });

  test('an epoch is one number between guarded turns', () => {
    const { periodMs, guardMs } = epochRule;
    const turn = periodMs * 41_000;
    expect(epochOf(0, turn - guardMs - 1)).toBe(40_999);
    expect(epochOf(0, turn - guardMs)).toBeUndefined();
    expect(epochOf(0, turn + guardMs - 1)).toBeUndefined();
    expect(epochOf(0, turn + guardMs)).toBe(41_000);
    expect(epochOf(0, turn + periodMs - guardMs - 1)).toBe(41_000);
  });

  test('no two slots turn at the same time', () => {
    for (let t = 0; t < epochRule.periodMs; t += 30_000) {
      const guarded = Array.from({ length: 180 }, (_, slot) => epochOf(slot, t)).filter(e => e === undefined);
      expect(guarded.length).toBeLessThanOrEqual(1);
    }
  });
});

describe('Slots', () => {
  const seen = { id: 'i-1', slot: 4, launchedAt: 100, state: 'running', mark: first } as const;

  test('a holder goes only when seen terminated', () => {
    const slots = new Slots();
    slots.see([seen], 0);
    expect(slots.isHeld(4)).toBe(true);
    slots.see([{ ...seen, state: 'terminated' }], 10_000);
    expect(slots.isHeld(4)).toBe(false);
    expect(slots.generation(4, 7)).toBe(4);
    expect(slots.generation(4, 8)).toBe(0);
    expect(slots.generation(3, 7)).toBe(0);
    slots.see([seen], 20_000);
    expect(slots.isHeld(4)).toBe(false);
  });

  test('or has been absent for a minute, counted from the first answer without it', () => {
    const slots = new Slots();
    slots.see([seen], 0);
    slots.see([], 500_000);
    slots.see([], 559_999);
    expect(slots.isHeld(4)).toBe(true);
    slots.see([seen], 559_999);
    slots.see([], 560_000);
    slots.see([], 619_999);
    expect(slots.isHeld(4)).toBe(true);
    slots.see([], 620_000);
    expect(slots.isHeld(4)).toBe(false);
    // It was not seen terminated: EC2 is asked about this very generation again.
    expect(slots.generation(4, 7)).toBe(0);
  });

  test('what was launched is there before it is described', () => {
    const slots = new Slots();
    slots.launched({ ...seen, state: 'pending' }, 1_000);
    slots.see([], 0);
    slots.see([], 60_999);
    expect(slots.list()).toEqual([{ id: 'i-1', slot: 4, launchedAt: 100, state: 'pending' }]);
    slots.see([], 61_000);
    expect(slots.list()).toEqual([]);
  });

  test('a granted leave is not taken back by an answer that lags', () => {
    const slots = new Slots();
    slots.see([seen], 0);
    slots.leaving('i-1');
    slots.see([seen], 1);
    expect(slots.list()[0]?.state).toBe('draining');
  });
});

test('placements: spot first, the first type in every subnet before the second', () => {
  expect(placements({})).toEqual([{}]);
  expect(
    placements({ subnets: ['a', 'b'], types: ['t2.micro', 't3.micro'], spot: true }).slice(0, 5),
  ).toEqual([
    { subnet: 'a', type: 't2.micro', spot: true },
    { subnet: 'b', type: 't2.micro', spot: true },
    { subnet: 'a', type: 't3.micro', spot: true },
    { subnet: 'b', type: 't3.micro', spot: true },
    { subnet: 'a', type: 't2.micro' },
  ]);
});
