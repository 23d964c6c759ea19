/** An event of a server action, as the Compute API tells it. */
export interface ActionEvent {
  event: string;
  start_time: string;
  finish_time: string | null;
  result: string | null;
}

const barWidth = 40;

/**
 * Draws events as the spans they are: in the order in which they began, those inside others indented, each with a bar at
 * its place in time.
 */
export function spanTable(events: readonly ActionEvent[]): string[] {
  const spans = events
    .map(({ event, start_time, finish_time, result }) => ({
      event,
      result: result ?? 'under way',
      start: milliseconds(start_time),
      end: milliseconds(finish_time ?? start_time),
    }))
    .sort((a, b) => a.start - b.start || b.end - a.end);
  if (spans.length === 0) return [];
  const from = Math.min(...spans.map(({ start }) => start));
  const to = Math.max(...spans.map(({ end }) => end));
  const scale = barWidth / Math.max(to - from, 1);
  const rows = spans.map((span, index) => {
    const depth = spans.slice(0, index).filter(({ start, end }) => start <= span.start && end >= span.end).length;
    const begin = Math.min(Math.floor((span.start - from) * scale), barWidth - 1);
    const length = Math.max(1, Math.round((span.end - span.start) * scale));
    return {
      name: '  '.repeat(depth) + span.event,
      time: `${((span.end - span.start) / 1000).toFixed(2)} s`,
      result: span.result,
      bar: (' '.repeat(begin) + '▬'.repeat(Math.min(length, barWidth - begin))).padEnd(barWidth),
    };
  });
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(({ name, time, result, bar }) => `${name.padEnd(width)}  ${bar}  ${time.padStart(8)}  ${result}`);
}

/** Nova's times carry microseconds and no zone. */
function milliseconds(time: string): number {
  const match = /^(.*?)(\.\d+)?Z?$/.exec(time)!;
  return Date.parse(`${match[1]}Z`) + Number(match[2] ?? 0) * 1000;
}
