import { describe, expect, it } from 'vitest';
import { openApiDocument } from './document.ts';

const document = JSON.parse(JSON.stringify(openApiDocument())) as {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
};

describe('openApiDocument', () => {
  it('is an OpenAPI 3.1 document of the lifecycle API', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'OpenSandbox Lifecycle API', version: '0.1.0' });
    expect(document.servers.map(({ url }) => url)).toEqual(['/v1', '/']);
  });

  it('refers only to schemas that it has', () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"/]+)("|\/)/g);
    const names = new Set(Array.from(references, ([, name = '']) => name));
    expect(names.size).toBeGreaterThan(20);
    for (const name of names) expect(document.components.schemas).toHaveProperty(name);
    expect(JSON.stringify(document)).not.toContain('__shared');
  });

  it('gives every operation a name of its own', () => {
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map((operation) => operation.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('tells defaults and bounds of query parameters', () => {
    expect(document.paths['/sandboxes']?.['get']).toMatchObject({
      parameters: [
        { name: 'state', in: 'query' },
        { name: 'metadata', in: 'query' },
        { name: 'page', schema: { type: 'integer', minimum: 1, default: 1 } },
        { name: 'pageSize', schema: { type: 'integer', minimum: 1, maximum: 200, default: 20 } },
      ],
    });
  });

  it('keeps examples and defaults of the create request', () => {
    expect(document.components.schemas['CreateSandboxRequest']).toMatchObject({
      properties: {
        secureAccess: { type: 'boolean', default: false },
        entrypoint: { examples: [['python', '/app/main.py']] },
      },
    });
  });
});
