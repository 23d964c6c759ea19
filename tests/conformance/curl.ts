import { clientOutput } from './run-client.ts';

export interface CurlAnswer {
  status: number;
  headers: Map<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: the bodies of every API there is
  body: any;
}

/** A request by curl itself, as the references of the APIs print them. */
export async function curl(...args: string[]): Promise<CurlAnswer> {
  const text = await clientOutput('curl', ['-s', '-S', '-i', '--max-time', '60', ...args]);
  const end = text.indexOf('\r\n\r\n');
  const [statusLine, ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = text.slice(end + 4);
  return { status: Number(statusLine!.split(' ')[1]), headers, body: parsed(body) };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** Every member that a document has, as sorted paths; lists count as their first element. */
export function shapeOf(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.length === 0 ? [`${at}[]`] : shapeOf(value[0], `${at}[]`);
  if (typeof value !== 'object' || value === null) return [at];
  return Object.entries(value)
    .flatMap(([key, inner]) => shapeOf(inner, at === '' ? key : `${at}.${key}`))
    .sort();
}
