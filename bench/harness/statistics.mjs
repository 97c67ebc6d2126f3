export function median(values) {
  return percentile(values, 0.5)
}

export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
