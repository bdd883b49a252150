// The official Node client cannot tell the embedded ClickHouse from a server.
// CLICKHOUSE_URL, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD say where it is.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { createClient } from '@clickhouse/client'

const options = {
  url: process.env.CLICKHOUSE_URL,
  username: process.env.CLICKHOUSE_USER,
  password: process.env.CLICKHOUSE_PASSWORD,
}
const client = createClient({ ...options, compression: { request: true, response: true } })
const plain = createClient(options)
const rows = async (query, more = {}) =>
  (await client.query({ query, format: 'JSONEachRow', ...more })).json()

before(async () => {
  await client.command({ query: 'CREATE DATABASE IF NOT EXISTS node' })
  await client.command({
    query: `CREATE OR REPLACE TABLE node.t (id UInt64, s String, price Decimal(18, 2), at DateTime64(3, 'Europe/Moscow'),
      n Nullable(Int32), l LowCardinality(String), a Array(String), m Map(String, UInt8), t Tuple(x UInt8, y String),
      u UUID, e Enum8('a' = 1, 'б' = 2), j JSON, b Bool) ENGINE = MergeTree ORDER BY id`,
  })
})

after(async () => {
  await client.command({ query: 'DROP DATABASE node SYNC' })
  await Promise.all([client.close(), plain.close()])
})

test('ping', async () => {
  assert.equal((await client.ping()).success, true)
  assert.equal((await client.ping({ select: true })).success, true)
})

test('types go in and out', async () => {
  const row = {
    id: '18446744073709551615', s: 'жёлтый 🎭 \t\n\'\\', price: '0.29', at: '2026-01-31 22:30:00.123', n: null, l: 'x',
    a: ['a', 'ё'], m: { k: 1 }, t: { x: 1, y: 'z' }, u: '12345678-1234-5678-9abc-def012345678', e: 'б', j: { q: { r: '1' } },
    b: true,
  }
  const result = await client.insert({ table: 'node.t', values: [row], format: 'JSONEachRow' })
  assert.equal(result.executed, true)
  assert.ok(result.query_id)
  const [back] = await rows('SELECT * FROM node.t WHERE id = 18446744073709551615', {
    clickhouse_settings: { output_format_json_quote_decimals: 1, output_format_json_quote_64bit_integers: 1 },
  })
  assert.deepEqual(back, row)
})

test('summary and headers of an insert', async () => {
  const result = await plain.insert({ table: 'node.t', values: [{ id: 1 }, { id: 2 }], format: 'JSONEachRow' })
  assert.equal(result.summary.written_rows, '2')
  assert.equal(result.response_headers['x-clickhouse-query-id'], result.query_id)
  const empty = await plain.insert({ table: 'node.t', values: [], format: 'JSONEachRow' })
  assert.equal(empty.executed, false)
})

for (const [name, c] of [['compressed', client], ['plain', plain]]) {
  test(`a stream of 200,000 rows in, a stream out, ${name}`, async () => {
    await c.command({ query: 'CREATE OR REPLACE TABLE node.s (id UInt64, s String) ENGINE = MergeTree ORDER BY id' })
    const values = Readable.from((function* () {
      for (let id = 0; id < 200000; id++) yield { id, s: `row ${id}` }
    })())
    await c.insert({ table: 'node.s', values, format: 'JSONEachRow' })
    const result = await c.query({ query: 'SELECT id, s FROM node.s ORDER BY id', format: 'JSONCompactEachRow' })
    let count = 0
    let sum = 0
    for await (const batch of result.stream()) {
      for (const row of batch) {
        count++
        sum += Number(row.json()[0])
      }
    }
    assert.deepEqual([count, sum], [200000, (200000 * 199999) / 2])
  })
}

test('raw CSV in, parquet out', async () => {
  await client.command({ query: 'CREATE OR REPLACE TABLE node.c (id UInt64) ENGINE = MergeTree ORDER BY id' })
  await client.insert({ table: 'node.c', values: Readable.from(['1\n2\n', '3\n'], { objectMode: false }), format: 'CSV' })
  const { stream } = await client.exec({ query: 'SELECT * FROM node.c FORMAT Parquet' })
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  assert.equal(body.subarray(0, 4).toString(), 'PAR1')
  assert.equal(body.subarray(-4).toString(), 'PAR1')
})

test('parameters', async () => {
  const [row] = await rows('SELECT {s:String} AS s, {a:Array(UInt8)} AS a, {n:Nullable(String)} AS n, {d:DateTime} AS d', {
    query_params: { s: 'it\'s\ta \\ \n', a: [1, 2], n: null, d: new Date(Date.UTC(2026, 0, 31)) },
  })
  assert.deepEqual(row, { s: 'it\'s\ta \\ \n', a: [1, 2], n: null, d: '2026-01-31 00:00:00' })
})

test('errors', async () => {
  await assert.rejects(rows('SELECT * FROM node.nowhere'), { code: '60', type: 'UNKNOWN_TABLE' })
  await assert.rejects(client.command({ query: 'SELEC' }), { code: '62' })
  await assert.rejects(
    client.insert({ table: 'node.c', values: ['word'], format: 'JSONEachRow' }), (e) => Number(e.code) > 0,
  )
  const stranger = createClient({ ...options, password: 'wrong' })
  await assert.rejects(stranger.command({ query: 'SELECT 1' }), { code: '516' })
  await stranger.close()
})

test('an error in mid stream', async () => {
  const result = await plain.query({
    query: "SELECT rand64(number) AS r, throwIf(number = 1500000, 'late') AS x FROM numbers(3000000)",
    format: 'JSONEachRow',
    clickhouse_settings: { max_threads: 1, wait_end_of_query: 0 },
  })
  await assert.rejects(async () => {
    for await (const batch of result.stream()) void batch
  }, /late/)
})

test('sessions', async () => {
  const session = createClient({ ...options, session_id: 'node-session' })
  await session.command({ query: 'CREATE TEMPORARY TABLE mine (a UInt8)' })
  await session.insert({ table: 'mine', values: [{ a: 7 }], format: 'JSONEachRow' })
  const result = await session.query({ query: 'SELECT a FROM mine', format: 'JSONEachRow' })
  assert.deepEqual(await result.json(), [{ a: 7 }])
  await session.close()
})

test('cancellation', async () => {
  const abort = new AbortController()
  const slow = rows('SELECT sleepEachRow(0.1) AS s FROM numbers(300)', {
    abort_signal: abort.signal, clickhouse_settings: { max_block_size: '1' }, query_id: 'node-slow',
  })
  setTimeout(() => abort.abort(), 500)
  await assert.rejects(slow, /abort/i)
  const deadline = Date.now() + 20000
  let running = 1
  while (running && Date.now() < deadline) {
    const [row] = await rows(
      "SELECT toUInt32(count()) AS c FROM system.processes WHERE query LIKE 'SELECT sleepEachRow(0.1) AS s%'",
    )
    running = row.c
  }
  assert.equal(running, 0)
})

test('concurrency', async () => {
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, who) =>
      rows('SELECT {who:UInt8} AS who, toUInt32(number) AS number FROM numbers(500)', { query_params: { who } })),
  )
  answers.forEach((answer, who) => {
    assert.equal(answer.length, 500)
    assert.ok(answer.every((row) => row.who === who))
  })
})
