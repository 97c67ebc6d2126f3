// Test data of the store contract: difficult values, large values and difficult names.

import type { JsonValue } from '../../shared/json.js'

/** Values that some engine may confuse or change. */
export const VALUES: readonly JsonValue[] = [
  ...['', ' ', 'a', 'A', 'a ', 'ab', '_', '~', '"', '\\', "'", '%', '\n', '0', '10', '9', 'null', 'false'],
  ...['\u00e9', 'e\u0301', '\u00df', 'ss', '\u2028', '\uffff', '\u{1f600}', '\u{10ffff}', '\0', 'a\0', 'a\0b'],
  ...[0, 1, -1, 9, 10, 0.1, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53, Number.MAX_SAFE_INTEGER],
  ...[null, false, true, [], {}, [[]], [null], [0], { a: 1 }, { a: 1, b: 2 }, { a: null }, { '': '' }, { A: 1 }],
  ...[{ constructor: 1 }, { '\u{1f600}': 1 }, { '\0': 1 }, { 'a"': { b: [{ c: '\\' }] } }, { 10: 1, 9: 2 }],
]

const ASCII = new Map<string, string>([
  ['a text', 'x'.repeat(64 * 1024 - 2)],
  ['all that is escaped', '\\"'.repeat(16 * 1024)],
])

/** Values of 64 kB. */
export const LARGE: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ...ASCII,
  ['two bytes a character', '\u00e9'.repeat(32 * 1024)],
  ['four bytes a character', '\u{1f600}'.repeat(16 * 1024)],
  ['U+0000', '\0'.repeat(10 * 1024)],
  ['a list', Array.from({ length: 8000 }, (_, index) => index * 1000)],
])

/** Names that an engine, a pattern or a language may misinterpret or confuse. */
export const NAMES: readonly string[] = [
  ...[
    'a',
    'A',
    'a ',
    'a  ',
    'a\t',
    ' a',
    'aa',
    '\u00e4',
    'a\u0308',
    '\uff41',
    '\u0430',
    'ss',
    '\u00df',
    'I',
    'i',
    '\u0130',
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'hasOwnProperty',
    'toString',
    'then',
    'length',
    '$epoch',
    '$',
    '.',
    '..',
  ],
  ...[
    '0',
    '00',
    '1',
    '1.0',
    '1e0',
    'null',
    'undefined',
    'NULL',
    'true',
    "'",
    '"',
    '`',
    '\\',
    "' or 1=1 --",
    ';',
    '--',
    '/*',
  ],
  ...[
    '%',
    '_',
    '*',
    '?',
    '[a]',
    '{a}',
    '}',
    '{',
    '{}',
    ':',
    'a:b',
    'a/b',
    '\n',
    '\r\n',
    '\u007f',
    '\u{1f600}',
    '\u{1f601}',
    '\uffff',
  ],
]
