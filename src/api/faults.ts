import type { Cloud } from '../cloud/cloud.ts';
import type { Subject } from '../cloud/identity/subject.ts';
import type { AnyOperation } from './operation.ts';

/** Lets go wrong with a request what somebody has asked for. The native API always answers: it removes faults. */
export async function meetFaults(
  cloud: Cloud,
  { id, dialect }: AnyOperation,
  subject: Subject | undefined,
  body: unknown,
): Promise<void> {
  if (dialect === 'native') return;
  await cloud.faults.meet({
    operations: [id, `${dialect}.${id}`],
    projectId: subject?.projectId ?? undefined,
    name: nameIn(body),
  });
}

/** The name that a request gives to what it makes, wherever its dialect has that. */
function nameIn(body: unknown, depth = 0): string | undefined {
  if (typeof body !== 'object' || body === null || depth > 3) return undefined;
  const { name } = body as { name?: unknown };
  if (typeof name === 'string') return name;
  for (const member of Object.values(body)) {
    const found = nameIn(member, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
