import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { categories, months } from '../data.js'
import { type CostFigures, costFigures } from '../figures.js'

use([BarChart, LineChart, GridComponent, SVGRenderer])

/** Each chart is drawn in two widths: scaled down to a phone, a single chart's text would be too small to read. */
const chartSizes = {
  wide: { width: 760, height: 320, gap: '38%', isSparse: false },
  narrow: { width: 340, height: 260, gap: '30%', isSparse: true },
}
export type ChartSize = keyof typeof chartSizes

/** Equal in every chart, so that all have the same parts, and each bar grows or shrinks into its counterpart. */
const GRID_LINES = 5
const ROUND = [1, 2, 3, 4, 5, 10]

const drawn = new Map<string, string>()

/** Returns the costs of a year as SVG, with a stacked bar for each month. Memoized, as the figures are fixed. */
export function costChart(division: number, size: ChartSize): string {
  const key = `${division} ${size}`
  const svg = drawn.get(key) ?? draw(division, size)
  drawn.set(key, svg)
  return svg
}

function draw(division: number, size: ChartSize): string {
  const { width, height, gap, isSparse } = chartSizes[size]
  const figures = costFigures(division)
  const step = gridStep(Math.max(...figures.months.flatMap(({ total, plan }) => [total, plan])))
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({
    animation: false,
    grid: { left: 46, right: 4, top: 12, bottom: 26, outerBoundsMode: 'none' },
    xAxis: {
      type: 'category',
      data: isSparse ? months.map((month) => month.slice(0, 1)) : months,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: 'var(--line-strong)' } },
      axisLabel: { color: 'var(--muted)', interval: 0, margin: 10 },
    },
    yAxis: {
      type: 'value',
      max: step * GRID_LINES,
      interval: step,
      splitLine: { lineStyle: { color: 'var(--line)' } },
      axisLabel: { color: 'var(--muted)', formatter: (value: number) => (value === 0 ? '€0' : `€${value / 1000}k`) },
    },
    series: [
      ...categories.map((name, index) => ({
        name,
        type: 'bar',
        stack: 'costs',
        barCategoryGap: gap,
        silent: true,
        data: figures.months.map(({ byCategory }) => byCategory[index] ?? 0),
        itemStyle: { color: `var(--series-${index + 1})`, borderColor: 'var(--surface)', borderWidth: 1 },
      })),
      planLine(figures),
    ],
  })
  const svg = chart.renderToSVGString({ useViewBox: true })
  // Its timers would keep the process alive.
  chart.dispose()
  return clean(svg)
}

/** Returns a round number of euros between two grid lines, with which the lines reach the top. */
function gridStep(top: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(top / GRID_LINES))
  return magnitude * (ROUND.find((round) => round * magnitude * GRID_LINES >= top) ?? 10)
}

function planLine({ months }: CostFigures): object {
  return {
    type: 'line',
    step: 'middle',
    silent: true,
    symbol: 'none',
    lineStyle: { color: 'var(--ink)', type: [4, 4], width: 1.5 },
    data: months.map(({ plan }) => plan),
  }
}

/** Removes inline styles, which the Content-Security-Policy refuses, and attributes for ECharts' own runtime. */
function clean(svg: string): string {
  return svg
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replace(/ (?:style|class|pointer-events|ecmeta_\w+)="[^"]*"/g, '')
    .replace(/<\?xml[^>]*>/, '')
}
