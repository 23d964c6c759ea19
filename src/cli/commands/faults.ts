import { UnexpectedAnswer } from '../clients/http.ts';
import { clientOf } from '../clients/running-cloud.ts';
import { DataFolder } from '../data-folder.ts';
import { UserError } from '../user-error.ts';

export interface FaultsOptions {
  dataDir: string;
}

export interface NewFaultOptions extends FaultsOptions {
  operation?: string;
  project?: string;
  name?: string;
  host?: string;
  step?: string;
  delay?: number;
  code?: string;
  message?: string;
  times?: number;
}

interface FaultView {
  id: string;
  effect: string;
  operation: string | null;
  name: string | null;
  host: string | null;
  project_id: string | null;
  step: string | null;
  times_left: number | null;
  hits: number;
}

const path = '/unkai/v1/faults';

/** `unkai faults list` */
export async function listFaults(options: FaultsOptions): Promise<void> {
  const client = await clientOf(new DataFolder(options.dataDir));
  const { faults } = await explained(client.get(path));
  if (faults.length === 0) return console.log('Nothing is made to go wrong.');
  for (const fault of faults as FaultView[]) console.log(describe(fault));
}

/** `unkai faults add EFFECT` */
export async function addFault(effect: string, options: NewFaultOptions): Promise<void> {
  const client = await clientOf(new DataFolder(options.dataDir));
  const { operation, project, name, host, step, delay, code, message, times } = options;
  const fault = {
    effect: effect.replace('-', '_'),
    ...{ operation, name, host, step, code, message, times },
    project_id: project && (await projectId(client, project)),
    delay_seconds: delay,
  };
  console.log(describe((await explained(client.post(path, { fault }))).fault));
}

/** `unkai faults remove ID...`, or `all` */
export async function removeFaults(ids: readonly string[], options: FaultsOptions): Promise<void> {
  const client = await clientOf(new DataFolder(options.dataDir));
  const all = async () => ((await explained(client.get(path))).faults as FaultView[]).map(({ id }) => id);
  for (const id of ids.includes('all') ? await all() : ids) await explained(client.delete(`${path}/${id}`));
}

function describe({ id, effect, operation, name, host, project_id, step, times_left, hits }: FaultView): string {
  const parts = { operation, name, host, project: project_id, step, 'times left': times_left };
  const said = Object.entries(parts).flatMap(([key, value]) => (value === null ? [] : [`${key} ${value}`]));
  return `${id}  ${effect.padEnd(9)}  ${said.join(', ') || 'everything'}  (happened ${hits} times)`;
}

async function projectId(client: Awaited<ReturnType<typeof clientOf>>, project: string): Promise<string> {
  const { projects } = await client.get(`/identity/v3/projects?name=${encodeURIComponent(project)}`);
  return projects[0]?.id ?? project;
}

/** What the cloud refuses is told in its own words. */
async function explained<T>(asked: Promise<T>): Promise<T> {
  return await asked.catch((error: unknown) => {
    const message = error instanceof UnexpectedAnswer ? error.answer.body?.error?.message : undefined;
    throw typeof message === 'string' ? new UserError(message, { cause: error }) : error;
  });
}
