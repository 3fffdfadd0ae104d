import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadMultipart, MultipartParser } from './multipart.ts';
import { parseBoundary, parsePartHeaders } from './part-headers.ts';

interface Part {
  readonly name: string;
  readonly fileName: string | undefined;
  readonly data: string;
}

function parse(body: string, chunkSize = 10_000, boundary = 'B'): Part[] {
  const parser = new MultipartParser(boundary);
  const bytes = Buffer.from(body, 'latin1');
  const parts: (Part & { chunks: Buffer[] })[] = [];
  for (let at = 0; at < bytes.length; at += chunkSize) {
    for (const event of parser.push(bytes.subarray(at, at + chunkSize))) {
      if (event.type === 'begin') parts.push({ ...event.headers, data: '', chunks: [] });
      if (event.type === 'data') parts.at(-1)?.chunks.push(Buffer.from(event.bytes));
    }
  }
  parser.finish();
  return parts.map(({ name, fileName, chunks }) => ({
    name,
    fileName,
    data: Buffer.concat(chunks).toString('latin1'),
  }));
}

const head = (name: string): string => `Content-Disposition: form-data; name="${name}"; filename="f"\r\n\r\n`;

describe('MultipartParser', () => {
  it('reads parts, whatever surrounds them and wherever the pieces are cut', () => {
    const body = `preamble\r\n--B\r\n${head('a')}one\r\n--B \t\r\n${head('b')}\r\n--B\r\n${head('c')}x\r\n\r\n--B--\r\nepilogue`;
    const expected = [
      { name: 'a', fileName: 'f', data: 'one' },
      { name: 'b', fileName: 'f', data: '' },
      { name: 'c', fileName: 'f', data: 'x\r\n' },
    ];
    for (let size = 1; size < 30; size += 1) expect(parse(body, size)).toEqual(expected);
  });

  it('takes what only begins like a delimiter for data', () => {
    const data = '\r\n--Bx\r\n--\r\n-\r\n--B-\r\n--B x\r\r\n--';
    const body = `--B\r\n${head('a')}${data}\r\n--B--`;
    for (const size of [1, 2, 7, 1000])
      expect(parse(body, size)).toEqual([{ name: 'a', fileName: 'f', data }]);
  });

  it('reads a part whose delimiter follows its headers at once', () => {
    expect(parse(`--B\r\n${head('a')}--B--\r\n`, 3)).toEqual([{ name: 'a', fileName: 'f', data: '' }]);
  });

  it('keeps data that begins like the delimiter of an empty part', () => {
    expect(parse(`--B\r\n${head('a')}--Bad\r\n--B--`, 4)[0]?.data).toBe('--Bad');
  });

  it('reads a body that uses bare newlines', () => {
    const body = '--B\nContent-Disposition: form-data; name="a"\n\none\ntwo\n--B--\n';
    expect(parse(body, 3)).toEqual([{ name: 'a', fileName: undefined, data: 'one\ntwo' }]);
  });

  it('accepts a body without parts', () => {
    expect(parse('--B--\r\n')).toEqual([]);
  });

  it.each([
    ['', 'empty'],
    ['hello', 'no boundary'],
    [`--B\r\n${head('a')}data`, 'cut in data'],
    [`--B\r\n${head('a')}data\r\n--B`, 'cut in boundary'],
    ['--B\r\nContent-Dispo', 'cut in headers'],
    ['--Bxyz\r\n', 'boundary of another body'],
    ['x'.repeat(70_000), 'endless preamble'],
    [`--B\r\nX: ${'x'.repeat(70_000)}`, 'endless headers'],
  ])('refuses %.20j (%s)', (body) => {
    expect(() => parse(body, 1000)).toThrow(BadMultipart);
  });

  it('gives back any data that does not hold the delimiter, however the body is cut', () => {
    const data = fc.string({ unit: fc.constantFrom('\r', '\n', '-', 'B', 'x'), maxLength: 60 });
    fc.assert(
      fc.property(fc.array(data, { maxLength: 4 }), fc.integer({ min: 1, max: 20 }), (contents, size) => {
        // A boundary that no data contains, yet that data can begin to look like.
        const boundary = 'BxBxB-BB';
        fc.pre(contents.every((content) => !content.includes(boundary)));
        const body = contents.map((content) => `--${boundary}\r\n${head('p')}${content}\r\n`).join('');
        const parts = parse(`${body}--${boundary}--\r\n`, size, boundary);
        expect(parts.map((part) => part.data)).toEqual(contents);
      }),
      { numRuns: 400 },
    );
  });

  it('never fails but with BadMultipart', () => {
    const noise = fc.string({ unit: fc.constantFrom('\r', '\n', '-', 'B', ':', ' ', 'x'), maxLength: 80 });
    fc.assert(
      fc.property(noise, fc.integer({ min: 1, max: 9 }), (body, size) => {
        try {
          parse(body, size);
        } catch (error) {
          expect(error).toBeInstanceOf(BadMultipart);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('parsePartHeaders', () => {
  it.each([
    ['Content-Disposition: form-data; name="a"; filename="f.txt"', 'a', 'f.txt'],
    ['content-disposition:form-data;name=a;filename=f', 'a', 'f'],
    ['X: y\r\nContent-Disposition: form-data;\r\n name="a"', 'a', undefined],
    ['Content-Disposition: form-data; name="a\\"b"; filename="c\\\\d"', 'a"b', 'c\\d'],
    ['Content-Disposition: form-data; name="a"; filename="x;y"', 'a', 'x;y'],
    ["Content-Disposition: form-data; name=a; filename*=UTF-8''%E6%8A%A5", 'a', '报'],
    ["Content-Disposition: form-data; name=a; filename*=utf-8'en'%zz; filename=b", 'a', '%zz'],
    ['Content-Disposition: form-data; name="a"; filename="/tmp/报告"', 'a', '/tmp/报告'],
    ['Content-Type: text/plain', '', undefined],
    ['garbage', '', undefined],
  ])('reads %j', (block, name, fileName) => {
    expect(parsePartHeaders(block)).toEqual({ name, fileName });
  });
});

describe('parseBoundary', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=utf-8; Boundary="a b"', 'a b'],
    ['multipart/form-data', undefined],
    ['multipart/form-data; boundary=', undefined],
    ['multipart/mixed; boundary=abc', undefined],
    ['application/json', undefined],
    [null, undefined],
  ])('reads %j', (header, boundary) => {
    expect(parseBoundary(header)).toBe(boundary);
  });
});
