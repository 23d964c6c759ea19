import type { ApiCall } from './api.ts';
import { mappingOf } from './mappings.ts';
import { redacted } from './recorder.ts';

/** The forms in which a request can be copied. The last three exist only where the mapping is exact. */
export const sampleForms = [
  'curl',
  'httpie',
  'typescript',
  'python',
  'go',
  'java',
  'openstack',
  'terraform',
  'zstack',
] as const;
export type SampleForm = (typeof sampleForms)[number];

export const sampleTitles: Record<SampleForm, string> = {
  curl: 'curl',
  httpie: 'HTTPie',
  typescript: 'TypeScript',
  python: 'Python',
  go: 'Go',
  java: 'Java',
  openstack: 'openstack CLI',
  terraform: 'Terraform',
  zstack: 'ZStack API',
};

/** The request in the given form; undefined where there is no exact one. Secrets are variables, never values. */
export function sample(form: SampleForm, call: ApiCall, origin: string): string | undefined {
  const safe: ApiCall = { ...call, headers: headersOf(call), body: redacted(call.body) };
  switch (form) {
    case 'curl':
      return curl(safe, origin);
    case 'httpie':
      return httpie(safe, origin);
    case 'typescript':
      return typescript(safe, origin);
    case 'python':
      return python(safe, origin);
    case 'go':
      return go(safe, origin);
    case 'java':
      return java(safe, origin);
    case 'openstack':
      return mappingOf(safe)?.openstack;
    case 'terraform':
      return mappingOf(safe)?.terraform;
    case 'zstack':
      return mappingOf(safe)?.zstack?.(origin);
  }
}

function headersOf({ path, headers, body, method }: ApiCall): Record<string, string> {
  const { 'X-Auth-Token': _, Authorization: __, ...others } = headers ?? {};
  const isZStack = path.startsWith('/zstack/');
  const isPatch = method === 'PATCH' && path.startsWith('/image/');
  return {
    ...(isZStack ? { Authorization: 'OAuth $ZSTACK_SESSION' } : { 'X-Auth-Token': '$OS_TOKEN' }),
    ...(body === undefined
      ? {}
      : { 'Content-Type': isPatch ? 'application/openstack-images-v2.1-json-patch' : 'application/json' }),
    ...others,
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A header's value in which the shell fills in variables. */
function shellHeader([name, value]: [string, string]): string {
  return value.includes('$') ? `"${name}: ${value}"` : quote(`${name}: ${value}`);
}

function curl({ method, path, headers, body }: ApiCall, origin: string): string {
  const lines = [`curl -X ${method} ${quote(origin + path)}`];
  for (const header of Object.entries(headers ?? {})) lines.push(`  -H ${shellHeader(header)}`);
  if (body !== undefined) lines.push(`  -d ${quote(JSON.stringify(body))}`);
  return lines.join(' \\\n');
}

function httpie({ method, path, headers, body }: ApiCall, origin: string): string {
  const given = Object.entries(headers ?? {}).map(([name, value]) =>
    value.includes('$') ? `"${name}:${value}"` : quote(`${name}:${value}`),
  );
  const line = [`http ${method} ${quote(origin + path)}`, ...given].join(' \\\n  ');
  return body === undefined ? line : `printf %s ${quote(JSON.stringify(body))} |\n  ${line}`;
}

function env(value: string, read: (name: string) => string, text: (value: string) => string): string {
  const [, before, name] = /^(.*)\$(\w+)$/.exec(value) ?? [];
  if (!name) return text(value);
  return before ? `${text(before)} + ${read(name)}` : read(name);
}

function typescript({ method, path, headers, body }: ApiCall, origin: string): string {
  const lines = Object.entries(headers ?? {}).map(
    ([name, value]) =>
      `    '${name}': ${env(
        value,
        (variable) => `process.env.${variable}!`,
        (text) => `'${text}'`,
      )},`,
  );
  const payload = body === undefined ? '' : `\n  body: JSON.stringify(${indented(body, 2)}),`;
  return `const response = await fetch('${origin}${path}', {
  method: '${method}',
  headers: {
${lines.join('\n')}
  },${payload}
});
if (!response.ok) throw new Error(await response.text());
console.log(response.status, await response.text());`;
}

function python({ method, path, headers, body }: ApiCall, origin: string): string {
  const lines = Object.entries(headers ?? {}).map(
    ([name, value]) =>
      `    "${name}": ${env(
        value,
        (variable) => `os.environ["${variable}"]`,
        (text) => `"${text}"`,
      )},`,
  );
  const payload = body === undefined ? 'None' : `json.dumps(json.loads(r'''${JSON.stringify(body)}''')).encode()`;
  return `import json, os, urllib.request

request = urllib.request.Request(
    "${origin}${path}", method="${method}", data=${payload}, headers={
${lines.join('\n')}
})
with urllib.request.urlopen(request) as response:
    print(response.status, response.read().decode())`;
}

function go({ method, path, headers, body }: ApiCall, origin: string): string {
  const lines = Object.entries(headers ?? {}).map(
    ([name, value]) =>
      `\trequest.Header.Set("${name}", ${env(
        value,
        (variable) => `os.Getenv("${variable}")`,
        (text) => `"${text}"`,
      )})`,
  );
  const payload =
    body === undefined ? 'nil' : `strings.NewReader(\`${JSON.stringify(body).replaceAll('`', '\\u0060')}\`)`;
  return `package main

import (
	"fmt"
	"io"
	"net/http"${lines.some((line) => line.includes('os.')) ? '\n\t"os"' : ''}${body === undefined ? '' : '\n\t"strings"'}
)

func main() {
	request, err := http.NewRequest("${method}", "${origin}${path}", ${payload})
	if err != nil {
		panic(err)
	}
${lines.join('\n')}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	fmt.Println(response.StatusCode, string(text))
}`;
}

function java({ method, path, headers, body }: ApiCall, origin: string): string {
  const lines = Object.entries(headers ?? {}).map(
    ([name, value]) =>
      `            .header("${name}", ${env(
        value,
        (variable) => `System.getenv("${variable}")`,
        (text) => `"${text}"`,
      )})`,
  );
  const payload = body === undefined ? 'noBody()' : `ofString(${JSON.stringify(JSON.stringify(body))})`;
  return `import java.net.URI;
import java.net.http.*;

public class Call {
    public static void main(String[] args) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("${origin}${path}"))
${lines.join('\n')}
            .method("${method}", HttpRequest.BodyPublishers.${payload})
            .build();
        var response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(response.statusCode() + " " + response.body());
    }
}`;
}

function indented(value: unknown, by: number): string {
  return JSON.stringify(value, undefined, 2).replaceAll('\n', `\n${' '.repeat(by)}`);
}
