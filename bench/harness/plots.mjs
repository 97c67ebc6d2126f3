// Draws SVG in the reader's preferred colour scheme, and as wide as a phone, so that its text stays readable.
import * as echarts from 'echarts'
import { readable } from './table.mjs'

const WIDTH = 400
const FONT = 13
const STYLE = `<style>
svg { --ink: #24292f; --faint: #d0d7de; --mark: #0969da; --other: #8c959f }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --faint: #30363d; --mark: #58a6ff; --other: #6e7681 } }
</style>`

const text = { color: 'var(--ink)', fontSize: FONT, fontFamily: 'system-ui, sans-serif' }
const title = (words) => ({
  text: words,
  left: 0,
  top: 0,
  textStyle: { ...text, fontWeight: 600, width: WIDTH, overflow: 'break' },
})

/** Puts a row of text above each bar, because there is no space for both beside the bar. */
export function drawBars({ title: words, values }) {
  const [names, numbers] = [values.map(([name]) => name), values.map(([, value]) => value)]
  const series = {
    type: 'bar',
    barWidth: 12,
    silent: true,
    data: numbers.map((value, i) => ({
      value,
      itemStyle: { color: isOurs(names[i]) ? 'var(--mark)' : 'var(--other)' },
    })),
    label: {
      ...text,
      show: true,
      position: [0, -FONT - 5],
      formatter: ({ dataIndex }) => `${names[dataIndex]}: ${readable(numbers[dataIndex])}`,
    },
  }
  return draw(70 + 42 * values.length, {
    title: title(words),
    grid: { left: 2, right: 8, top: 44, bottom: 2 },
    xAxis: { type: 'value', min: 0, show: false },
    yAxis: { type: 'category', inverse: true, data: names, show: false },
    series: [series],
  })
}

const isOurs = (name) => name.startsWith('this library')

/** Uses a logarithmic scale if the range is large. */
export function drawLines({ title: words, x, points }) {
  const isLong = points.at(-1)[0] >= 100 * points[0][0]
  const number = (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e3 ? `${value / 1e3}k` : `${value}`)
  const axis = { axisLabel: { ...text, formatter: number }, axisLine: { lineStyle: { color: 'var(--other)' } } }
  const label = { ...text, show: true, position: [0, -FONT - 8], formatter: ({ value: [, y] }) => readable(y) }
  return draw(240, {
    title: title(words),
    grid: { left: 48, right: 40, top: 40, bottom: 50 },
    xAxis: {
      ...axis,
      type: isLong ? 'log' : 'value',
      name: x,
      nameLocation: 'middle',
      nameGap: 30,
      nameTextStyle: text,
      splitLine: { show: false },
    },
    yAxis: { ...axis, type: 'value', min: 0, splitLine: { lineStyle: { color: 'var(--faint)' } } },
    series: [
      { type: 'line', silent: true, symbol: 'circle', symbolSize: 8, data: points, color: 'var(--mark)', label },
    ],
  })
}

function draw(height, option) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  chart.setOption({ animation: false, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg.replace(/(<svg[^>]*>)/, `$1\n${STYLE}`)}\n`
}
