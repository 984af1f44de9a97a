/** Numbers for people, given back when the last face of one is gone. */
export class Persons {
  readonly #numberOf = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #faces: number[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#numberOf.size;
  }

  nameOf(number: number): string {
    return this.#names[number]!;
  }

  take(name: string): number {
    const number = this.#numberOf.get(name) ?? this.#free.pop() ?? this.#names.length;
    this.#numberOf.set(name, number);
    this.#names[number] = name;
    this.#faces[number] = (this.#faces[number] ?? 0) + 1;
    return number;
  }

  release(number: number): void {
    this.#faces[number]!--;
    if (this.#faces[number]! > 0) return;
    this.#numberOf.delete(this.#names[number]!);
    this.#free.push(number);
  }
}
