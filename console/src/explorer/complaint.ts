import { useEffect, useState } from 'react';
import { type ApiCall, ApiError, send } from '../lib/api.ts';
import type { CatalogueEntry } from './catalogue.ts';

/** What the server has against a request, in its own words. */
export interface Complaint {
  message: string;
  /** `params`, `query` or `body`. */
  part?: string;
  /** The path of the member, as `server.name`; empty for the whole. */
  field: string;
}

const validateMs = 400;

/** Holds the request against the schema that the server validates with, while one types. Nothing is changed by that. */
export function useServerComplaint(entry: CatalogueEntry, call: ApiCall, isWanted: boolean): Complaint | undefined {
  const [complaint, setComplaint] = useState<Complaint>();
  useEffect(() => {
    setComplaint(undefined);
    const hasNothingToCheck = call.body === undefined && entry.method !== 'GET';
    if (!isWanted || hasNothingToCheck) return;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        await send({ ...call, headers: { ...call.headers, 'Unkai-Dry-Run': 'validate' } }, stop.signal);
      } catch (error) {
        if (!(error instanceof ApiError) || (error.status !== 400 && !error.invalidField)) return;
        const [part, ...path] = decodeURI(error.invalidField ?? '').split('.');
        setComplaint({ message: error.message, part: part || undefined, field: path.join('.') });
      }
    }, validateMs);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [entry, call, isWanted]);
  return complaint;
}

/** Where a member stands in JSON as it was typed: from and to, and its line. Undefined where it is missing. */
export function placeOf(text: string, field: string): { from: number; to: number; line: number } | undefined {
  let from = -1;
  let to = 0;
  for (const step of field.split('.')) {
    if (/^\d+$/.test(step)) continue;
    const name = JSON.stringify(step);
    const found = text.indexOf(name, to);
    if (found === -1) return undefined;
    from = found;
    to = found + name.length;
  }
  return from === -1 ? undefined : { from, to, line: text.slice(0, from).split('\n').length };
}
