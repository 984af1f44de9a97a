import type { Component } from './components.ts';

const LINE = '='.repeat(80);

/** What `--licenses` prints: a list of all components, then each licence's text once, under those that it applies to. */
export function licenceText(components: readonly Component[]): string {
  const [program] = components;
  const width = Math.max(...components.map(component => title(component).length));
  const list = components.map(component => `${title(component).padEnd(width)}  ${component.licence}`);
  const under = new Map<string, Component[]>();
  for (const component of components) {
    const text = component.texts.map(part => part.trim()).join(`\n\n${'-'.repeat(80)}\n\n`);
    under.set(text, [...(under.get(text) ?? []), component]);
  }
  const texts = [...under].map(
    ([text, all]) => `${LINE}\n${all.map(title).join('\n')}\n${LINE}\n\n${text}\n`,
  );
  return `${program?.name} contains:\n\n${list.join('\n')}\n\n${texts.join('\n')}`;
}

const title = ({ name, version }: Component) => `${name} ${version}`;
