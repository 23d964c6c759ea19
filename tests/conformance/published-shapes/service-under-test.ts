import type { AnyOperation, OperationExample } from '../../../src/api/operation.ts';
import { allDialects } from '../../../src/assembly/dialects.ts';
import type { Answer } from '../../../src/cli/clients/http.ts';
import { operator } from '../../../src/cloud/identity/subject.ts';
import { ExampleWorld } from '../../api/example-world.ts';
import type { TestCloud } from '../../support/cloud.ts';
import { differences, type Fact, readShapes, turningPoints } from './read-shapes.ts';

/** What a request is to be made with in the place of what the operation's first example says, and what ends the scene. */
export type Scene = (world: ExampleWorld, minor: number) => Promise<Partial<OperationExample> & Curtain>;

export interface Curtain {
  end?: () => Promise<void>;
}

/** The scene as it was first made in a world: for operations that only look. */
export function kept(scene: Scene): Scene {
  const made = new WeakMap<ExampleWorld, ReturnType<Scene>>();
  return (world, minor) => {
    const known = made.get(world) ?? scene(world, minor);
    made.set(world, known);
    return known;
  };
}

/** A service whose answers have published shapes. */
export interface PublishedService {
  name: 'compute' | 'volume' | 'identity';
  mount: string;
  /** As in `compute 2.96`. */
  major: number;
  newest: number;
  scenes: Readonly<Record<string, Scene>>;
  /** The last microversions of what went away. */
  ends: ReadonlyArray<readonly [RegExp, number]>;
  /** What is not held against what was published, from and to which microversion, and why. */
  unlike: ReadonlyArray<readonly [key: string, from: number, to: number, why: string]>;
}

/** `GET /servers/{}`, with the key of an action behind it. */
function keyOf({ method, path, bodyKey }: AnyOperation): string {
  return `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}${bodyKey ? ` ${bodyKey}` : ''}`;
}

/** The order in which examples do each other the least harm: what takes hosts out of service comes last. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const rank = ({ group, method }: AnyOperation) =>
  group === 'hosts' || group === 'services' ? methods.length : methods.indexOf(method);

/** The operations of a service in a cloud that has all that their examples are about. */
export class ServiceUnderTest {
  readonly service: PublishedService;
  readonly operations: readonly AnyOperation[];
  readonly #shapes: ReadonlyMap<string, readonly Fact[]>;
  readonly #cloud: TestCloud;
  readonly #world: ExampleWorld;

  private constructor(
    service: PublishedService,
    operations: readonly AnyOperation[],
    cloud: TestCloud,
    world: ExampleWorld,
  ) {
    this.service = service;
    this.operations = operations.toSorted((a, b) => rank(a) - rank(b));
    this.#shapes = readShapes(service.name).operations;
    this.#cloud = cloud;
    this.#world = world;
  }

  static async open(service: PublishedService, cloud: TestCloud): Promise<ServiceUnderTest> {
    const { operations } = (await allDialects()).find(({ mounts }) => mounts.includes(service.mount))!;
    return new ServiceUnderTest(service, operations, cloud, await ExampleWorld.open(cloud));
  }

  /** Operations of which nobody published a shape of answers. */
  unpublished(): string[] {
    return this.operations
      .map(keyOf)
      .filter((key) => !this.#shapes.has(key))
      .sort();
  }

  /** What is not as published, at each microversion at which an answer changes; and how many answers were looked at. */
  async differences(): Promise<{ seen: number; wrong: string[] }> {
    const wrong: string[] = [];
    let seen = 0;
    for (const operation of this.operations) {
      const key = keyOf(operation);
      const facts = this.#shapes.get(key);
      if (!facts) continue;
      await this.#liftQuotas();
      const since = Number(operation.since?.split('.')[1] ?? 0);
      for (const minor of turningPoints(facts, since, this.#lastOf(key) ?? this.service.newest)) {
        if (this.service.unlike.some(([name, from, to]) => name === key && minor >= from && minor <= to)) continue;
        const { status, body } = await this.#answerAt(operation, minor);
        const found = differences(facts, minor, status, body);
        const said = status >= 400 ? JSON.stringify(body) : '';
        if (found.length > 0) wrong.push(`${key} ${this.#version(minor)}: ${found.join('; ')} ${said}`);
        seen += 1;
      }
    }
    return { seen, wrong };
  }

  /** Operations that are still answered after their end. */
  async outlived(): Promise<string[]> {
    const still: string[] = [];
    for (const operation of this.operations) {
      const last = this.#lastOf(keyOf(operation));
      if (last === undefined) continue;
      const { status } = await this.#answerAt(operation, last + 1);
      if (status !== 404) still.push(`${keyOf(operation)} ${this.#version(last + 1)}: ${status}`);
    }
    return still;
  }

  #lastOf(key: string): number | undefined {
    return this.service.ends.find(([pattern]) => pattern.test(key))?.[1];
  }

  #version(minor: number): string {
    return `${this.service.major}.${minor}`;
  }

  /** The answer to the operation's example, where the world is such that it succeeds. */
  async #answerAt(operation: AnyOperation, minor: number): Promise<Answer> {
    const { service } = this;
    const real = await this.#world.real(operation, operation.examples[0]!);
    const { end, ...scene } = (await service.scenes[keyOf(operation)]?.(this.#world, minor)) ?? {};
    const { params = {}, query, body }: Partial<OperationExample> = { ...real, ...scene };
    const given: Record<string, string> = { ...params, project_id: this.#world.admin.projectId, ...scene.params };
    const path = (service.mount + operation.path).replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(given[name]!),
    );
    const words = new URLSearchParams(query).toString();
    const version = { 'openstack-api-version': `${service.name} ${this.#version(minor)}` };
    const sent = operation.method === 'GET' ? undefined : body;
    const answer = await this.#world.admin.request(operation.method, words ? `${path}?${words}` : path, sent, version);
    await end?.();
    return answer;
  }

  /** Some examples change quotas. */
  async #liftQuotas(): Promise<void> {
    const { quotas } = this.#cloud.cloud;
    const { projectId } = this.#world.admin;
    const limits = Object.keys(await quotas.limits(operator(), projectId));
    await quotas.setLimits(operator(), projectId, Object.fromEntries(limits.map((name) => [name, -1])));
  }
}
