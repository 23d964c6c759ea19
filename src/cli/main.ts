import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Before anything large is loaded: starts after the first then neither strip types nor compile.
enableCompileCache(join(import.meta.dirname, '../../var/compile-cache'));

const { buildProgram } = await import('./program.ts');
const { UserError } = await import('./user-error.ts');

try {
  await buildProgram().parseAsync();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`unkai: ${error.message}`);
  process.exitCode = error.exitCode;
}
