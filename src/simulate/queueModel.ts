/** First in, first out; what was received is hidden, not gone. Counts are remembered once a second, to be seen late. */
export class QueueModel {
  #visible: number[] = [];
  #head = 0;
  inFlight = 0;
  readonly #visibleThen: number[] = [0];
  readonly #inFlightThen: number[] = [0];

  get visible(): number {
    return this.#visible.length - this.#head;
  }

  add(message: number): void {
    this.#visible.push(message);
  }

  take(): number | undefined {
    if (this.#head === this.#visible.length) return undefined;
    const message = this.#visible[this.#head++]!;
    if (this.#head > 4096 && this.#head * 2 > this.#visible.length) {
      this.#visible = this.#visible.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }

  /** To be called at each full second. */
  remember(): void {
    this.#visibleThen.push(this.visible);
    this.#inFlightThen.push(this.inFlight);
  }

  /** Both counts age for themselves, as those of SQS do. */
  seen(now: number, visibleLag: number, inFlightLag: number): { visible: number; inFlight: number } {
    const then = (history: readonly number[], current: number, lag: number) => {
      if (lag < 1) return current;
      return history[Math.min(history.length - 1, Math.max(0, Math.floor(now - lag)))]!;
    };
    return {
      visible: then(this.#visibleThen, this.visible, visibleLag),
      inFlight: then(this.#inFlightThen, this.inFlight, inFlightLag),
    };
  }
}
