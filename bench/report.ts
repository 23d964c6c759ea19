/** One figure. `bound` is what it is held against: a target, or what the machine can do at best. */
export interface Figure {
  suite: string;
  name: string;
  value: number;
  unit: string;
  /** How the figure compares with its bound, and which way is better. */
  bound?: { value: number; better: 'higher' | 'lower'; what: string };
}

export function isWithinBound({ value, bound }: Figure): boolean {
  if (!bound) return true;
  return bound.better === 'higher' ? value >= bound.value : value <= bound.value;
}

/** A Markdown table, as in docs/performance.md. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { bound } = figure;
    const held = bound ? `${bound.better === 'higher' ? '≥' : '≤'} ${round(bound.value)} (${bound.what})` : '';
    const mark = bound ? (isWithinBound(figure) ? 'yes' : 'NO') : '';
    return `| ${figure.suite} | ${figure.name} | ${round(figure.value)} ${figure.unit} | ${held} | ${mark} |`;
  });
  return ['| suite | figure | measured | held to | met |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}

export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
