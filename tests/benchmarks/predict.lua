-- 1,680 different requests for one prediction each.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

local bodies, n = {}, 0
for day = 1, 28 do
  for hour = 0, 23 do
    for step = 0, 2 do
      bodies[#bodies + 1] = wrk.format(nil, "/api/predict", nil, string.format(
        '{"datetime": "2013-01-%02dT%02d:00:00", "weather": "%s", "temperature": %.1f, "humidity": %d, "windspeed": %d}',
        day, hour, step == 0 and "clear" or "mist", day / 2 + step, 50 + hour, step * 7))
    end
  end
end

function request()
  n = n % #bodies + 1
  return bodies[n]
end

function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
