import { AgentError } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import type { ServersTable } from '../../database/schema.ts';
import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Flavor } from '../flavors/flavors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { ServerCdroms } from './cdroms/cdroms.ts';
import { ConsolePasswords } from './console-passwords.ts';
import { Consoles } from './consoles.ts';
import { type NewServer, publicKeyOf, requestCreate, requestUnbuilt } from './creation.ts';
import { type ServerDetail, ServerDetails } from './details.ts';
import { serverDiagnostics, serverScreenshot } from './diagnostics.ts';
import { ServerGroups } from './groups.ts';
import { GuestPasswords } from './guest-passwords.ts';
import { listServers, type ServerFilter, type ServerPage } from './listing.ts';
import { ServerLog } from './log.ts';
import { requestMappedImage } from './mapped-images.ts';
import { type MigrationTarget, migrationTargets } from './migration-targets.ts';
import { ServerMigrations } from './migrations.ts';
import { type Server, serverFromRow } from './model.ts';
import { resetState } from './reset-state.ts';
import { Sendings } from './sendings.ts';
import { SnapshotGroups } from './snapshot-groups/snapshot-groups.ts';
import { lockServer, serverNotFound, updateServer } from './transition.ts';
import { requestChangeInterfaceNetwork } from './transitions/change-interface-network.ts';
import { requestChangePassword } from './transitions/change-password.ts';
import { type CloneRequest, requestClone } from './transitions/clone.ts';
import { requestConfirmResize } from './transitions/confirm-resize.ts';
import { requestCrashDump } from './transitions/crash-dump.ts';
import { type BackupRequest, requestCreateBackup } from './transitions/create-backup.ts';
import { requestCreateImage } from './transitions/create-image.ts';
import { requestDelete } from './transitions/delete.ts';
import { type EvacuateRequest, requestEvacuate } from './transitions/evacuate.ts';
import { requestExtendRoot } from './transitions/extend-root.ts';
import { requestAttachInterface, requestDeletePort, requestDetachInterface } from './transitions/interfaces.ts';
import { requestLiveMigrate } from './transitions/live-migrate.ts';
import { requestPause, requestUnpause } from './transitions/pause.ts';
import { requestReboot } from './transitions/reboot.ts';
import { type RebuildRequest, requestRebuild } from './transitions/rebuild.ts';
import { requestRescue, requestUnrescue } from './transitions/rescue.ts';
import { requestMigrate, requestResize } from './transitions/resize.ts';
import { requestRestore } from './transitions/restore.ts';
import { requestRevertResize } from './transitions/revert-resize.ts';
import { requestShelve } from './transitions/shelve.ts';
import { requestSoftDelete } from './transitions/soft-delete.ts';
import { requestStart } from './transitions/start.ts';
import { requestStop } from './transitions/stop.ts';
import { requestResume, requestSuspend } from './transitions/suspend.ts';
import { requestUnshelve, type UnshelveOptions } from './transitions/unshelve.ts';
import { buildUnbuilt } from './unbuilt-servers.ts';

/** Virtual machines: what is known of them, and what may be asked of them. */
export class Servers {
  readonly log: ServerLog;
  readonly consoles: Consoles;
  readonly cdroms: ServerCdroms;
  readonly guestPasswords: GuestPasswords;
  readonly consolePasswords: ConsolePasswords;
  readonly snapshotGroups: SnapshotGroups;
  readonly groups: ServerGroups;
  readonly migrations: ServerMigrations;
  readonly sendings: Sendings;
  readonly #cloud: Cloud;
  readonly #byId;
  readonly #details: ServerDetails;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.log = new ServerLog(cloud);
    this.consoles = new Consoles(cloud);
    this.cdroms = new ServerCdroms(cloud);
    this.guestPasswords = new GuestPasswords(cloud);
    this.consolePasswords = new ConsolePasswords(cloud);
    this.snapshotGroups = new SnapshotGroups(cloud);
    this.groups = new ServerGroups(cloud);
    this.migrations = new ServerMigrations(cloud);
    this.sendings = new Sendings(cloud);
    this.#details = new ServerDetails(cloud);
    this.#byId = cloud.db.prepare<{ id: string }, ServersTable>((q, p) =>
      q.selectFrom('servers').selectAll().where('id', '=', p.id),
    );
  }

  /** For the engine's own use: whoever asks, and also when it is deleted. */
  async byId(id: string, tx?: Tx): Promise<Server> {
    const row = await this.#byId.first({ id }, tx);
    if (!row) throw serverNotFound(id);
    return serverFromRow(row);
  }

  async get(subject: Subject, id: string): Promise<Server> {
    const row = await this.#byId.first({ id });
    if (!row || row.deleted_at !== null || !ownsOrAdmin(subject, row.project_id)) throw serverNotFound(id);
    return serverFromRow(row);
  }

  /** As `get`, with details. */
  async detail(subject: Subject, id: string): Promise<ServerDetail> {
    const known = this.#details.known(id);
    if (!known) return await this.#details.read(() => this.get(subject, id));
    if (!ownsOrAdmin(subject, known.projectId)) throw serverNotFound(id);
    return known;
  }

  list(subject: Subject, filter: ServerFilter, page: ServerPage): Promise<Server[]> {
    return listServers(this.#cloud.db, subject, filter, page);
  }

  /** As `list`, with details. */
  listDetails(subject: Subject, filter: ServerFilter, page: ServerPage): Promise<ServerDetail[]> {
    return this.#details.list(subject, filter, page);
  }

  withDetails(servers: readonly Server[]): Promise<ServerDetail[]> {
    return this.#details.of(servers);
  }

  create(subject: Subject, wanted: NewServer) {
    return requestCreate(this.#cloud, subject, wanted);
  }

  /** Registers servers that their first start builds: until then they are on no host. */
  register(subject: Subject, wanted: NewServer): Promise<Server[]> {
    return requestUnbuilt(this.#cloud, subject, wanted);
  }

  /** Changes what is only words about the server; nothing on its host changes. */
  async update(
    subject: Subject,
    id: string,
    changes: Partial<Pick<Server, 'name' | 'description' | 'hostname' | 'accessIpv4' | 'accessIpv6' | 'diskConfig'>>,
  ): Promise<Server> {
    return await this.#cloud.db.write(async (tx) => {
      await lockServer(tx, subject, id);
      const columns: Partial<ServersTable> = {
        name: changes.name,
        description: changes.description,
        hostname: changes.hostname,
        access_ipv4: changes.accessIpv4,
        access_ipv6: changes.accessIpv6,
        disk_config: changes.diskConfig,
      };
      const given = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
      await updateServer(this.#cloud, tx, id, given);
      return await this.byId(id, tx);
    });
  }

  /** Changes the user's metadata. `change` gets a copy and returns what it shall be. */
  async setMetadata(
    subject: Subject,
    id: string,
    change: (metadata: Record<string, string>) => Record<string, string>,
  ): Promise<Record<string, string>> {
    return await this.#cloud.db.write(async (tx) => {
      const server = await lockServer(tx, subject, id);
      const metadata = change({ ...server.metadata });
      await this.checkMetadata(tx, server.projectId, metadata);
      await updateServer(this.#cloud, tx, id, { metadata: JSON.stringify(metadata) });
      return metadata;
    });
  }

  async checkMetadata(tx: Tx, projectId: string, metadata: Record<string, string>): Promise<void> {
    const limits = await this.#cloud.quotas.limitsIn(tx, projectId);
    const limit = limits.metadata_items;
    if (limit < 0 || Object.keys(metadata).length <= limit) return;
    throw new CloudError('quota_exceeded', `Maximum number of metadata items exceeds ${limit}`, {
      reason: 'metadata_items',
    });
  }

  /** The key that its guest is told of from now on, by metadata: one of the subject's key pairs, or none. */
  async setKey(subject: Subject, id: string, keyName: string | null): Promise<void> {
    const { zoneId } = await this.get(subject, id);
    const publicKey = keyName === null ? null : await publicKeyOf(this.#cloud, subject, keyName, zoneId);
    await this.#cloud.db.write(async (tx) => {
      await lockServer(tx, subject, id);
      await updateServer(this.#cloud, tx, id, { key_name: keyName, public_key: publicKey });
    });
  }

  /** @param reason why, for whoever finds it locked */
  async setLock(subject: Subject, id: string, locked: boolean, reason: string | null = null): Promise<void> {
    await this.#cloud.db.write(async (tx) => {
      await lockServer(tx, subject, id);
      await updateServer(this.#cloud, tx, id, { locked: locked ? 1 : 0, locked_reason: locked ? reason : null });
    });
  }

  /** What the guest wrote on its serial console: the last `lines` lines, or all that is kept. */
  async consoleLog(subject: Subject, id: string, lines?: number): Promise<string> {
    const server = await this.get(subject, id);
    if (!server.hostId)
      throw new CloudError('conflict', `Instance ${withDashes(id)} is not ready`, { reason: 'no_host' });
    try {
      return await this.#cloud.hosts.agent(server.hostId).consoleLog(id, lines);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      throw new CloudError('unavailable', `The console log can't be read now: ${error.message}`, { cause: error });
    }
  }

  /** Deletes a server; so that it can be restored for a while, where the settings that hold for it say so and it ever ran. */
  async delete(subject: Subject, id: string): Promise<{ actionId?: string }> {
    const server = await this.get(subject, id);
    const keepSeconds = server.launchedAt === null ? 0 : await this.#cloud.resourceSettings.serverRetention(server);
    return keepSeconds > 0 ? await this.softDelete(subject, id, keepSeconds) : await this.forceDelete(subject, id);
  }

  /** @param keepSeconds how long it can be restored */
  softDelete = (subject: Subject, id: string, keepSeconds: number) =>
    requestSoftDelete(this.#cloud, subject, id, keepSeconds);
  restore = (subject: Subject, id: string, options: { start?: boolean } = {}) =>
    requestRestore(this.#cloud, subject, id, options);
  changePassword = (subject: Subject, id: string, account: { user?: string; password: string }) =>
    requestChangePassword(this.#cloud, subject, id, account);
  diagnostics = (subject: Subject, id: string) => serverDiagnostics(this.#cloud, subject, id);
  screenshot = (subject: Subject, id: string) => serverScreenshot(this.#cloud, subject, id);
  /** Deletes a server for good, also one that is soft-deleted. */
  forceDelete = (subject: Subject, id: string) => requestDelete(this.#cloud, subject, id);
  /** Powers a stopped server on, or builds one that is only registered. */
  start = async (subject: Subject, id: string) =>
    (await buildUnbuilt(this.#cloud, subject, id)) ?? (await requestStart(this.#cloud, subject, id));
  stop = (subject: Subject, id: string, options: { atOnce?: boolean } = {}) =>
    requestStop(this.#cloud, subject, id, options);
  reboot = (subject: Subject, id: string, type: 'soft' | 'hard') => requestReboot(this.#cloud, subject, id, type);
  pause = (subject: Subject, id: string) => requestPause(this.#cloud, subject, id);
  unpause = (subject: Subject, id: string) => requestUnpause(this.#cloud, subject, id);
  suspend = (subject: Subject, id: string) => requestSuspend(this.#cloud, subject, id);
  resume = (subject: Subject, id: string) => requestResume(this.#cloud, subject, id);
  triggerCrashDump = (subject: Subject, id: string) => requestCrashDump(this.#cloud, subject, id);
  resetState = (subject: Subject, id: string, state: 'active' | 'error') => resetState(this.#cloud, subject, id, state);
  attachInterface = (subject: Subject, id: string, wanted?: Parameters<typeof requestAttachInterface>[3]) =>
    requestAttachInterface(this.#cloud, subject, id, wanted);
  deletePort = (subject: Subject, portId: string) => requestDeletePort(this.#cloud, subject, portId);
  detachInterface = (subject: Subject, id: string, portId: string) =>
    requestDetachInterface(this.#cloud, subject, id, portId);
  changeInterfaceNetwork = (
    subject: Subject,
    id: string,
    portId: string,
    to: { networkId: string; fixedIp?: string },
  ) => requestChangeInterfaceNetwork(this.#cloud, subject, id, portId, to);
  createBackup = (subject: Subject, id: string, request: BackupRequest) =>
    requestCreateBackup(this.#cloud, subject, id, request);
  rescue = (subject: Subject, id: string, request: Parameters<typeof requestRescue>[3] = {}) =>
    requestRescue(this.#cloud, subject, id, request);
  unrescue = (subject: Subject, id: string) => requestUnrescue(this.#cloud, subject, id);
  rebuild = (subject: Subject, id: string, request: RebuildRequest) =>
    requestRebuild(this.#cloud, subject, id, request);
  resize = (subject: Subject, id: string, flavorId: string, ownSize?: Flavor) =>
    requestResize(this.#cloud, subject, id, flavorId, ownSize);
  extendRoot = (subject: Subject, id: string, newSize: number) => requestExtendRoot(this.#cloud, subject, id, newSize);
  /** For operators, which the caller has checked; so are `liveMigrate` and `evacuate`. */
  migrate = (subject: Subject, id: string, options: { hostId?: string } = {}) =>
    requestMigrate(this.#cloud, subject, id, options);
  liveMigrate = (subject: Subject, id: string, options: { hostId?: string } = {}) =>
    requestLiveMigrate(this.#cloud, subject, id, options);
  evacuate = (subject: Subject, id: string, request: EvacuateRequest = {}) =>
    requestEvacuate(this.#cloud, subject, id, request);
  /** Where the server could be moved now, and why it could not be moved elsewhere. For operators. */
  migrationTargets = async (subject: Subject, id: string): Promise<MigrationTarget[]> =>
    await migrationTargets(this.#cloud, await this.get(subject, id));
  confirmResize = (subject: Subject, id: string) => requestConfirmResize(this.#cloud, subject, id);
  revertResize = (subject: Subject, id: string) => requestRevertResize(this.#cloud, subject, id);
  shelve = (subject: Subject, id: string) => requestShelve(this.#cloud, subject, id);
  unshelve = (subject: Subject, id: string, options: UnshelveOptions = {}) =>
    requestUnshelve(this.#cloud, subject, id, options);
  createImage = (subject: Subject, id: string, template: Parameters<typeof requestCreateImage>[3]) =>
    requestCreateImage(this.#cloud, subject, id, template);
  /** Of a server that boots from a volume: an image of snapshots; see `requestMappedImage`. */
  createMappedImage = (subject: Subject, id: string, template: Parameters<typeof requestMappedImage>[3]) =>
    requestMappedImage(this.#cloud, subject, id, template);
  clone = (subject: Subject, id: string, request: CloneRequest) => requestClone(this.#cloud, subject, id, request);
}
