import { ConstraintViolation, type Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';

/** Which projects may use a private flavor. */
export class FlavorAccess {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  /** Ids of projects. */
  async list(flavorId: string): Promise<string[]> {
    const rows = await this.#core.db.read
      .selectFrom('flavor_projects')
      .select('project_id')
      .where('flavor_id', '=', flavorId)
      .orderBy('project_id')
      .execute();
    return rows.map((row) => row.project_id);
  }

  async has(flavorId: string, projectId: string | undefined): Promise<boolean> {
    return projectId !== undefined && (await this.list(flavorId)).includes(projectId);
  }

  /** Throws `duplicate` where the project may use it already. */
  async add(flavorId: string, projectId: string): Promise<void> {
    const row = { flavor_id: flavorId, project_id: projectId };
    await this.#core.db
      .write(async (tx) => void (await tx.insertInto('flavor_projects').values(row).execute()))
      .catch((error: unknown) => {
        if (!(error instanceof ConstraintViolation)) throw error;
        const words = `Flavor access already exists for flavor ${flavorId} and project ${projectId} combination.`;
        throw new CloudError('duplicate', words, { cause: error });
      });
  }

  /** Throws `not_found` where it may not. */
  async remove(flavorId: string, projectId: string): Promise<void> {
    const { numDeletedRows } = await this.#core.db.write((tx) =>
      tx
        .deleteFrom('flavor_projects')
        .where('flavor_id', '=', flavorId)
        .where('project_id', '=', projectId)
        .executeTakeFirst(),
    );
    if (numDeletedRows > 0n) return;
    const words = `Flavor access not found for ${flavorId} / ${projectId} combination.`;
    throw new CloudError('not_found', words, { resource: 'flavor_access' });
  }

  /** With the flavor. */
  async forget(tx: Tx, flavorId: string): Promise<void> {
    await tx.deleteFrom('flavor_projects').where('flavor_id', '=', flavorId).execute();
  }
}
