import { type Decide, decide } from './decide.ts';
import { decideSeed } from './seed.ts';

/** The rules of scaling, by their names in the configuration. */
export const rules = { law: decide, seed: decideSeed } as const satisfies Record<string, Decide>;

export type RuleName = keyof typeof rules;
