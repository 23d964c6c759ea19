/** One statement of ZQL, as it was written. */
export interface Statement {
  kind: 'query' | 'count' | 'sum';
  /** As `vminstance`, in any case. */
  entity: string;
  fields: string[];
  where?: Clause;
  /** Conditions that narrow what the viewer sees: all of them have to hold. */
  restrict: Comparison[];
  /** `sum … by` */
  by?: string;
  groupBy: string[];
  orderBy: Array<{ field: string; descending: boolean }>;
  limit?: number;
  offset?: number;
  /** As `total`. */
  returnWith: string[];
  filterBy?: string;
  /** What the answer calls it. */
  name?: string;
}

export type Clause = Comparison | Membership | { and: Clause[] } | { or: Clause[] };

export interface Comparison {
  path: string[];
  operator: '=' | '!=' | '>' | '>=' | '<' | '<=' | 'like' | 'not like' | 'in' | 'not in' | 'is null' | 'is not null';
  values: string[];
}

/** `field in (query entity.field where …)` */
export interface Membership {
  path: string[];
  negated: boolean;
  among: Statement;
}
