import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { UnexpectedAnswer } from '../clients/http.ts';
import { OpenStackClient } from '../clients/openstack-client.ts';
import { ZStackClient } from '../clients/zstack-client.ts';
import type { Narrator } from './narrator.ts';
import { spanTable } from './span-table.ts';

export interface TourOptions {
  origin: string;
  adminPassword: string;
  narrator: Narrator;
  /** Another build of TinyLinux, which says so when it boots; or any bytes for a cloud that runs no guests. */
  image: { bytes: Buffer; diskFormat: 'qcow2' | 'raw'; greeting: string };
  /** What TinyLinux as it is in every cloud says first. */
  greeting: string;
  /** Whether guests really run, and write on their consoles. */
  hasConsole: boolean;
}

/** Enough for a guest that boots in emulation, milliseconds. */
const limitMs = 300_000;
const pollMs = 250;
const computeVersion = { 'openstack-api-version': 'compute 2.53' };
const names = { server: 'demo-server', image: 'demo-image', template: 'demo-template' };

/** What the tour has made; removed at its end, or when it fails. */
interface Made {
  server?: string;
  images: string[];
}

/** Shows what the cloud does, over its public APIs alone. Throws at the first step that fails; leaves nothing behind. */
export async function tour(options: TourOptions): Promise<void> {
  const made: Made = { images: [] };
  const guide = new Guide(options, made);
  try {
    await guide.signIn();
    await guide.uploadImage();
    await guide.createServer();
    await guide.stop();
    await guide.rebuild();
    await guide.showEvents();
    await guide.start();
    await guide.deleteAndRecoverImage();
    await guide.makeTemplate();
    await guide.findInZStack();
    await guide.deleteEverything();
  } catch (error) {
    await guide.removeLeftovers();
    throw error;
  }
}

class Guide {
  readonly #options: TourOptions;
  readonly #narrator: Narrator;
  readonly #made: Made;
  #openstack!: OpenStackClient;
  #zstack!: ZStackClient;

  constructor(options: TourOptions, made: Made) {
    this.#options = options;
    this.#narrator = options.narrator;
    this.#made = made;
  }

  async signIn(): Promise<void> {
    const { origin, adminPassword } = this.#options;
    await this.#narrator.step('Sign in: a Keystone token, and a ZStack session', async () => {
      const client = await OpenStackClient.signIn(origin, { user: 'admin', password: adminPassword });
      this.#openstack = client.with(computeVersion);
      this.#zstack = await ZStackClient.signIn(origin, { account: 'admin', password: adminPassword });
      return `token of ${client.token.length} characters, session ${this.#zstack.session}`;
    });
  }

  async uploadImage(): Promise<void> {
    const { bytes, diskFormat } = this.#options.image;
    await this.#narrator.step('Upload an image (Glance)', async () => {
      const image = await this.#openstack.post('/image/v2/images', {
        name: names.image,
        disk_format: diskFormat,
        container_format: 'bare',
      });
      this.#made.images.push(image.id);
      const type = { 'content-type': 'application/octet-stream' };
      await this.#openstack.call('PUT', `/image/v2/images/${image.id}/file`, bytes, type);
      const { status, checksum } = await this.#openstack.get(`/image/v2/images/${image.id}`);
      expect(status === 'active', `the image is ${status}`);
      return `image ${image.id} is active: ${(bytes.length / 2 ** 20).toFixed(1)} MiB, md5 ${checksum}`;
    });
  }

  async createServer(): Promise<void> {
    await this.#narrator.step('Create a server from TinyLinux (Nova)', async (say) => {
      const { images } = await this.#openstack.get('/image/v2/images?name=TinyLinux&status=active');
      const { flavors } = await this.#openstack.get('/compute/v2.1/flavors');
      const flavor = flavors.find(({ name }: { name: string }) => name === 'm1.nano');
      const imageRef = images[0]?.id ?? this.#made.images[0];
      const { server } = await this.#openstack.post('/compute/v2.1/servers', {
        server: { name: names.server, imageRef, flavorRef: flavor.id, networks: 'auto' },
      });
      this.#made.server = server.id;
      const { addresses } = await this.#untilStatus('ACTIVE', say);
      const address = (Object.values(addresses)[0] as Array<{ addr: string }>)[0]!.addr;
      return `server ${server.id} is ACTIVE at ${address}`;
    });
    await this.#showConsole(this.#options.greeting);
  }

  async stop(): Promise<void> {
    await this.#narrator.step('Stop it: its system is asked to shut down', async (say) => {
      await this.#act({ 'os-stop': null });
      await this.#untilStatus('SHUTOFF', say);
      return 'the server is SHUTOFF';
    });
  }

  async rebuild(): Promise<void> {
    await this.#narrator.step('Rebuild it from the uploaded image: same id, same address, other disk', async (say) => {
      await this.#act({ rebuild: { imageRef: this.#made.images[0] } });
      const { image } = await this.#untilStatus('SHUTOFF', say);
      expect(image.id === this.#made.images[0], `the server's image is ${image.id}`);
      return `it has image ${image.id}, and is SHUTOFF again`;
    });
  }

  async showEvents(): Promise<void> {
    let lines: string[] = [];
    await this.#narrator.step('Read what the rebuild did, span by span (os-instance-actions)', async () => {
      const path = `/compute/v2.1/servers/${this.#made.server}/os-instance-actions`;
      const { instanceActions } = await this.#openstack.get(path);
      const request = instanceActions.find(({ action }: { action: string }) => action === 'rebuild').request_id;
      const { instanceAction } = await this.#openstack.get(`${path}/${request}`);
      lines = spanTable(instanceAction.events);
      expect(lines.length > 0, 'there are no events');
      return `${lines.length} event${lines.length === 1 ? '' : 's'} under ${request}`;
    });
    this.#narrator.show(lines);
  }

  async start(): Promise<void> {
    await this.#narrator.step('Start it', async (say) => {
      await this.#act({ 'os-start': null });
      await this.#untilStatus('ACTIVE', say);
      return 'the server is ACTIVE';
    });
    await this.#showConsole(this.#options.image.greeting);
  }

  async deleteAndRecoverImage(): Promise<void> {
    const id = this.#made.images[0]!;
    await this.#narrator.step('Delete the image (Glance), and bring it back (ZStack RecoverImage)', async () => {
      await this.#openstack.delete(`/image/v2/images/${id}`);
      const gone = await this.#openstack.request('GET', `/image/v2/images/${id}`);
      expect(gone.status === 404, `a deleted image answers ${gone.status}`);
      const { inventory } = await this.#zstack.call('PUT', `/images/${hex(id)}/actions`, { recoverImage: {} });
      const { status } = await this.#openstack.get(`/image/v2/images/${id}`);
      return `Glance said 404; now ZStack says ${inventory.status}, and Glance ${status}`;
    });
  }

  async makeTemplate(): Promise<void> {
    await this.#narrator.step("Make an image of the server's root volume while it runs (ZStack)", async () => {
      const vm = await this.#vm();
      const { inventory } = await this.#zstack.call(
        'POST',
        `/images/root-volume-templates/from/volumes/${vm.rootVolumeUuid}`,
        { params: { name: names.template } },
      );
      this.#made.images.push(inventory.uuid);
      const { status, size } = await this.#openstack.get(`/image/v2/images/${dashed(inventory.uuid)}`);
      return `image ${inventory.uuid} is ${inventory.status}; Glance says ${status}, ${(size / 2 ** 20).toFixed(1)} MiB`;
    });
  }

  async findInZStack(): Promise<void> {
    await this.#narrator.step('Find the server among the virtual machines of ZStack', async () => {
      const vm = await this.#vm();
      const [nic] = vm.vmNics;
      return `${vm.name} is ${vm.state}, ${vm.memorySize / 2 ** 20} MiB, ${nic?.ip ?? 'no address'}`;
    });
  }

  async deleteEverything(): Promise<void> {
    await this.#narrator.step('Delete the server and the images', async () => {
      await this.#openstack.delete(`/compute/v2.1/servers/${this.#made.server}`);
      await this.#untilGone();
      this.#made.server = undefined;
      const count = this.#made.images.length;
      for (const id of this.#made.images.splice(0)) await this.#openstack.delete(`/image/v2/images/${dashed(id)}`);
      return `the server is gone, ${count} images are deleted`;
    });
  }

  /** After a failure: what is left of the tour goes, as far as it can. */
  async removeLeftovers(): Promise<void> {
    const { server, images } = this.#made;
    if (server) {
      await this.#openstack.request('DELETE', `/compute/v2.1/servers/${server}`).catch(() => {});
      await this.#untilGone().catch(() => {});
    }
    for (const id of images) await this.#openstack.request('DELETE', `/image/v2/images/${dashed(id)}`).catch(() => {});
  }

  async #act(action: object): Promise<void> {
    await this.#openstack.post(`/compute/v2.1/servers/${this.#made.server}/action`, action);
  }

  async #vm() {
    const uuid = hex(this.#made.server!);
    const { inventories } = await this.#zstack.call('GET', `/vm-instances?q=uuid=${uuid}`);
    expect(inventories.length === 1, `ZStack knows ${inventories.length} servers of that id`);
    return inventories[0];
  }

  /** Waits for the status with nothing under way; an error ends the wait. Gives the server. */
  async #untilStatus(wanted: string, say: (text: string) => void) {
    return await until(`the server to be ${wanted}`, async () => {
      const { server } = await this.#openstack.get(`/compute/v2.1/servers/${this.#made.server}`);
      const task = server['OS-EXT-STS:task_state'];
      say(task ? `${server.status}, ${task}` : server.status);
      if (server.status === 'ERROR') throw new Error(`the server is in error: ${server.fault?.message}`);
      return server.status === wanted && !task ? server : undefined;
    });
  }

  async #untilGone(): Promise<void> {
    await until('the server to be gone', async () => {
      const answer = await this.#openstack.request('GET', `/compute/v2.1/servers/${this.#made.server}`);
      if (answer.status >= 500) throw new UnexpectedAnswer('GET /servers', answer);
      return answer.status === 404 ? true : undefined;
    });
  }

  /** Waits until the guest's own words are on its console, and shows the end of them. */
  async #showConsole(greeting: string): Promise<void> {
    if (!this.#options.hasConsole) return;
    let lines: string[] = [];
    await this.#narrator.step('Read its console while it boots', async (say) => {
      lines = await until(`"${greeting}" on the console`, async () => {
        const body = { 'os-getConsoleOutput': { length: 50 } };
        const { output } = await this.#openstack.post(`/compute/v2.1/servers/${this.#made.server}/action`, body);
        const all = printableLines(output);
        say(all.at(-1) ?? 'nothing yet');
        const from = all.lastIndexOf(greeting);
        const to = all.findLastIndex((line) => line.startsWith('TinyLinux ready'));
        return from >= 0 && to > from ? all.slice(from, to + 1) : undefined;
      });
      return 'the guest is up';
    });
    this.#narrator.show(lines);
  }
}

/** A guest's words, without what would move the cursor of who reads them. */
function printableLines(output: string): string[] {
  return stripVTControlCharacters(output)
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(pollMs);
  }
  throw new Error(`waited in vain for ${what}`);
}

function expect(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}

function hex(id: string): string {
  return id.replaceAll('-', '');
}

function dashed(id: string): string {
  return hex(id).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
