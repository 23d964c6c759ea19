import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageFiles } from './image-files.fixture.ts';
import { TestZStack } from './zstack.fixture.ts';

/** A cloud for tests of its storages: with image files that it can import, and a folder for storages to be in. */
export class TestStorages implements AsyncDisposable {
  readonly zstack: TestZStack;
  readonly files: ImageFiles;
  readonly folder: string;

  private constructor(zstack: TestZStack, files: ImageFiles, folder: string) {
    this.zstack = zstack;
    this.files = files;
    this.folder = folder;
  }

  static async start(): Promise<TestStorages> {
    const folder = await mkdtemp(join(tmpdir(), 'unkai-storages-'));
    return new TestStorages(await TestZStack.start(), await ImageFiles.start(), folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.zstack.stop(), this.files.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
