import { isSilent } from '../core/scaling/condition.ts';
import type { Decision, Policy, Snapshot } from '../core/scaling/types.ts';
import { type Metrics, queueGauge, setDepth } from '../runtime/metrics.ts';
import { Counter, Gauge, Histogram } from '../runtime/metricsText.ts';

const states = ['pending', 'running', 'draining', 'silent'] as const;
const kinds = ['launch', 'drain', 'terminate'] as const;

/** What the controller saw and decided. */
export class ControllerMetrics {
  readonly #acting: Gauge;
  readonly #queue: Gauge<'state'>;
  readonly #fleet: Gauge<'state'>;
  readonly #desired: Gauge;
  readonly #limit: Gauge<'limit'>;
  readonly #decisions: Counter<'kind'>;
  readonly #instances: Counter<'kind'>;
  readonly #rounds: Histogram;
  readonly #lastRound: Gauge;
  readonly #errors: Counter<'task'>;

  constructor(metrics: Metrics, tasks: readonly string[]) {
    const { registry } = metrics;
    this.#acting = new Gauge({
      name: 'facerec_controller_acting',
      help: '1 where this controller is the one that acts, 0 where it stands by.',
      registry,
    });
    this.#queue = queueGauge(metrics);
    this.#fleet = new Gauge({
      name: 'facerec_fleet_instances',
      help: 'Workers by state; silent ones have given no sign of life for a minute, and count as that alone.',
      labelNames: ['state'],
      registry,
    });
    this.#desired = new Gauge({
      name: 'facerec_fleet_desired_instances',
      help: 'Workers wanted by the last decision.',
      registry,
    });
    this.#limit = new Gauge({
      name: 'facerec_fleet_limit_instances',
      help: 'Fewest (min) and most (max) workers by configuration.',
      labelNames: ['limit'],
      registry,
    });
    this.#decisions = new Counter({
      name: 'facerec_decisions_total',
      help: 'Decisions by what they ask for; hold asks for nothing.',
      labelNames: ['kind'],
      registry,
    });
    this.#instances = new Counter({
      name: 'facerec_decision_instances_total',
      help: 'Instances that decisions asked to launch, drain or terminate.',
      labelNames: ['kind'],
      registry,
    });
    this.#rounds = new Histogram({
      name: 'facerec_controller_round_seconds',
      help: 'Rounds of observing, deciding and acting.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registry,
    });
    this.#lastRound = new Gauge({
      name: 'facerec_controller_last_round_timestamp_seconds',
      help: 'When the last round ended well, since the epoch.',
      registry,
    });
    this.#errors = new Counter({
      name: 'facerec_controller_task_errors_total',
      help: 'Rounds of the controller’s tasks that failed.',
      labelNames: ['task'],
      registry,
    });
    for (const kind of [...kinds, 'hold']) this.#decisions.add(0, { kind });
    for (const kind of kinds) this.#instances.add(0, { kind });
    for (const task of tasks) this.#errors.add(0, { task });
  }

  /** What another controller sees is not told by this one: it would be old. */
  part(acting: boolean): void {
    this.#acting.set(acting ? 1 : 0);
    if (acting) return;
    for (const gauge of [this.#queue, this.#fleet, this.#limit]) gauge.clear();
    this.#desired.clear();
  }

  round(
    seen: { readonly snapshot: Snapshot; readonly decision: Decision },
    policy: Policy,
    tookMs: number,
  ): void {
    const { snapshot, decision } = seen;
    setDepth(this.#queue, snapshot.depth);
    const count: Record<string, number> = Object.fromEntries(states.map(state => [state, 0]));
    for (const instance of snapshot.instances) {
      const state = isSilent(instance) ? 'silent' : instance.state;
      count[state] = (count[state] ?? 0) + 1;
    }
    for (const [state, instances] of Object.entries(count)) this.#fleet.set(instances, { state });
    this.#desired.set(decision.desired);
    this.#limit.set(policy.min, { limit: 'min' });
    this.#limit.set(policy.max, { limit: 'max' });
    for (const kind of kinds) {
      if (decision[kind].length === 0) continue;
      this.#decisions.add(1, { kind });
      this.#instances.add(decision[kind].length, { kind });
    }
    if (kinds.every(kind => decision[kind].length === 0)) this.#decisions.add(1, { kind: 'hold' });
    this.#rounds.observe(tookMs / 1000);
    this.#lastRound.set(Date.now() / 1000);
  }

  failed(task: string): void {
    this.#errors.add(1, { task });
  }
}
