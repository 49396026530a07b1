-- wrk: the figures of a run as one line of JSON. With an argument, exactly so many requests: then no more are sent, and wrk
-- is interrupted when the last is answered, since it would sleep to the end of its time. It ignores SIGINT while `os.execute`
-- runs, hence the background.
local quota, allotted, answered

function init(args)
  quota = tonumber(args[1])
  if quota then
    allotted, answered = 0, 0
    delay = function()
      allotted = allotted + 1
      return allotted > quota and 3600000 or 0
    end
    response = function()
      answered = answered + 1
      if answered == quota then os.execute("(sleep 0.02; kill -INT $PPID) &") end
    end
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50": %.1f, "p99": %.1f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
