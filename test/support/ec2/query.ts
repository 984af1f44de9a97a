/** Reading of EC2's query protocol: flat parameters such as `Filter.1.Value.2=x`. */
export class Query {
  readonly #parameters: URLSearchParams;

  constructor(parameters: URLSearchParams) {
    this.#parameters = parameters;
  }

  get action(): string {
    return this.get('Action') ?? '';
  }

  get(name: string): string | undefined {
    return this.#parameters.get(name) ?? undefined;
  }

  /** The values at `<name>.1`, `<name>.2`, … */
  list(name: string): string[] {
    const values: string[] = [];
    for (let i = 1; ; i++) {
      const value = this.get(`${name}.${i}`);
      if (value === undefined) return values;
      values.push(value);
    }
  }

  /** The names `<name>.1`, `<name>.2`, … under which there are fields. */
  structures(name: string): string[] {
    const keys = [...this.#parameters.keys()];
    const names: string[] = [];
    for (let i = 1; keys.some(key => key.startsWith(`${name}.${i}.`)); i++) names.push(`${name}.${i}`);
    return names;
  }

  tags(name: string): [key: string, value: string][] {
    return this.structures(`${name}`).map(tag => [
      this.get(`${tag}.Key`) ?? '',
      this.get(`${tag}.Value`) ?? '',
    ]);
  }

  filters(): { readonly name: string; readonly values: readonly string[] }[] {
    return this.structures('Filter').map(filter => ({
      name: this.get(`${filter}.Name`) ?? '',
      values: this.list(`${filter}.Value`),
    }));
  }

  /** All but the client token, in one text: two requests with the same are the same request. */
  get signature(): string {
    const rest = new URLSearchParams(this.#parameters);
    rest.delete('ClientToken');
    rest.sort();
    return rest.toString();
  }
}

/** Whether a filter's value, in which `*` and `?` stand for anything, matches. */
export function matches(pattern: string, text: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}
