/** One way to place an instance; what is left out is the launch template's, or EC2's, to choose. */
export interface Placement {
  readonly subnet?: string;
  readonly type?: string;
  /** Ask the spot market. */
  readonly spot?: boolean;
}

export interface PlacementChoices {
  readonly subnets?: readonly string[];
  readonly types?: readonly string[];
  /** Spot first, on demand where there is none. */
  readonly spot?: boolean;
}

/** All combinations in the order in which they are tried: the first type in every subnet before the second type. */
export function placements({ subnets = [], types = [], spot = false }: PlacementChoices): Placement[] {
  const anyOf = (names: readonly string[]) => (names.length > 0 ? names : [undefined]);
  const markets = spot ? [true, false] : [false];
  return markets.flatMap(market =>
    anyOf(types).flatMap(type =>
      anyOf(subnets).map(subnet => ({
        ...(subnet !== undefined && { subnet }),
        ...(type !== undefined && { type }),
        ...(market && { spot: true }),
      })),
    ),
  );
}
