-- wrk -s requests.lua URL -- BODIES [ANSWERED]
-- Post the lines of BODIES in turn; with ANSWERED, write the id of every prediction to that file.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

local requests, n = {}, 0

function init(args)
  for body in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, body)
  end
  if args[2] then
    local answered = io.open(args[2], "a")
    response = function(status, headers, body)
      answered:write(status == 200 and body:match('"prediction_id":"([^"]+)"') or status, "\n")
    end
  end
end

function request()
  n = n % #requests + 1
  return requests[n]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.duration,
    errors.status + errors.connect + errors.read + errors.timeout, latency:percentile(99)))
end
