-- itriggerd's /metrics, /healthz and /readyz: what Prometheus and a load balancer see.
local exposition = require "spec.support.exposition"
local itriggerd = require "spec.support.itriggerd"
local needs = require "spec.support.needs"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("itriggerd's metrics", function()
  local f = itriggerd.fixture()
  local sb, place

  before_each(function()
    sb, place = f.sb, f.place
  end)

  -- A client of all apps sees the daemon's own metrics, too.
  local function started(more)
    more = more or {}
    more.client = more.client or { apps = "*" }
    local d = place:start(more)
    d:await "token app=one"
    return d
  end

  local function metrics(d, key)
    return exposition.read(d:get("/metrics", nil, key).body)
  end

  local function token_of(d)
    return d:get("/v1/apps/" .. place.app_id .. "/token").json.data
  end

  local function report(d, fence)
    return d:post("/v1/apps/" .. place.app_id .. "/refresh", ('{"refused":%d}'):format(fence))
  end

  it("are in Prometheus' text format, and need a key", function()
    local d = started()
    local answer = d:get("/metrics")
    assert.equal(200, answer.status)
    assert.truthy(answer.head:find("content-type: text/plain; version=0.0.4; charset=utf-8", 1, true))
    assert.equal(401, d:get("/metrics", nil, false).status)
    assert.equal(401, d:get("/metrics", nil, "wrong").status)
    local _, types = exposition.read(answer.body)
    assert.equal("histogram", types.itrigger_answer_seconds)
    assert.equal("counter", types.itrigger_fetches_total)
    assert.equal("gauge", types.itrigger_token_remaining_seconds)
  end)

  it("need no key with status=open", function()
    local d = started { server = { status = "open" } }
    assert.equal(1, exposition.read(d:get("/metrics", nil, false).body)['itrigger_ready{app="one"}'])
  end)

  it("need no key over a Unix socket", function()
    local path = place.dir .. "/socket"
    local d = started { server = { listen = "unix:" .. path } }
    d.url = "http://itriggerd"
    local answer = d:get("/metrics", { "--unix-socket", path }, false)
    assert.equal(1, exposition.read(answer.body)['itrigger_ready{app="one"}'])
  end)

  it("count fetches, hits, refusals, requests for a fetch, by app", function()
    local d = started { app = { daily_limit = 50 } }
    local first = token_of(d)
    token_of(d)
    report(d, first.fence)
    d:post("/v1/apps/" .. place.app_id .. "/refresh", "{}")
    local now = metrics(d)
    assert.equal(1, now['itrigger_ready{app="one"}'])
    assert.equal(2, now['itrigger_fetches_total{app="one"}'])
    assert.equal(4, now['itrigger_hits_total{app="one"}'])
    assert.equal(1, now['itrigger_refusals_total{app="one"}'])
    assert.equal(1, now['itrigger_refresh_requests_total{app="one"}'])
    assert.equal(2, now['itrigger_fetches_today{app="one"}'])
    assert.equal(50, now['itrigger_daily_limit{app="one"}'])
    assert.equal(0, now['itrigger_waiters{app="one"}'])
  end)

  it("tell the token's age, its life and the time to its refresh", function()
    local now = metrics((started { app = { token_ttl = 600 } }))
    local age, life = now['itrigger_token_age_seconds{app="one"}'], now['itrigger_token_remaining_seconds{app="one"}']
    assert.is_true(age >= 0)
    assert.is_true(math.abs(age + life - 600) < 0.01)
    assert.is_true(now['itrigger_token_refresh_seconds{app="one"}'] < life)
  end)

  it("count answers by kind and code, and how long they took", function()
    local d = started()
    local first = token_of(d)
    token_of(d)
    report(d, first.fence)
    d:get("/v1/apps/" .. place.app_id .. "/token", nil, "wrong")
    d:get("/nothing")
    local now = metrics(d)
    assert.equal(2, now['itrigger_answers_total{kind="token",code="200"}'])
    assert.equal(1, now['itrigger_answers_total{kind="token",code="401"}'])
    assert.equal(1, now['itrigger_answers_total{kind="refresh",code="200"}'])
    assert.equal(1, now['itrigger_answers_total{kind="other",code="404"}'])
    assert.equal(3, now['itrigger_answer_seconds_count{kind="token"}'])
    assert.equal(3, now['itrigger_answer_seconds_bucket{kind="token",le="+Inf"}'])
    assert.equal(0, now['itrigger_answer_seconds_count{kind="poll"}'])
  end)

  it("count an answer to a body that is too large, and the log says whose it was", function()
    local d = started()
    local path, body = "/v1/apps/" .. place.app_id .. "/refresh", (" "):rep(5000)
    assert.equal(413, d:post(path, body).status)
    assert.equal(413, d:get(path, { "-H", "Transfer-Encoding: chunked", "--data-binary", body }).status)
    local now = metrics(d)
    assert.equal(2, now['itrigger_answers_total{kind="refresh",code="413"}'])
    assert.equal(2, now['itrigger_answer_seconds_count{kind="refresh"}'])
    d:await "request client=shop key=1 request=refresh drop_in=false status=413 code=413"
  end)

  it("have a histogram whose buckets never fall", function()
    local d = started()
    report(d, token_of(d).fence)
    local text, last, seen = d:get("/metrics").body, -1, 0
    for value in text:gmatch('itrigger_answer_seconds_bucket{kind="refresh",le="[^"]+"} (%d+)') do
      assert.is_true(tonumber(value) >= last)
      last, seen = tonumber(value), seen + 1
    end
    assert.equal(15, seen)
    assert.equal(1, last)
  end)

  it("count answers without a token by code", function()
    local d = place:start { app = { app_id = "nobody" } }
    d:await "fetch app=one"
    local answer = d:get("/v1/apps/nobody/token")
    assert.equal(503, answer.status)
    local now = metrics(d)
    assert.equal(1, now['itrigger_errors_total{app="one",code="40002"}'])
    assert.equal(0, now['itrigger_ready{app="one"}'])
    assert.is_nil(now['itrigger_token_age_seconds{app="one"}'])
    assert.equal(0, now['itrigger_hits_total{app="one"}'])
  end)

  it("go on over a reload", function()
    local d = started()
    token_of(d)
    d:signal "HUP"
    d:await "reload"
    assert.equal(1, metrics(d)['itrigger_hits_total{app="one"}'])
    assert.equal(1, metrics(d)['itrigger_answers_total{kind="token",code="200"}'])
  end)

  it("tell of no app but those of the key, and no token, secret or key", function()
    local d = started { client = { apps = "one" }, text = ("[app two]\napp_id = other\napp_secret_file = %s/secret\ngateway = %s\n"
      .. "[client all]\nkey_file = %s\napps = *\n"):format(place.dir, sb.gateway,
      place:write("all", "key-of-all-0123456789abcdef\n")) }
    assert.is_nil(metrics(d)['itrigger_ready{app="two"}'])
    assert.equal(0, metrics(d, "key-of-all-0123456789abcdef")['itrigger_ready{app="two"}'])
    local body = d:get("/metrics").body
    for _, secret in ipairs { token_of(d).accessToken, place.app_secret, itriggerd.key } do
      assert.falsy(body:find(secret, 1, true))
    end
  end)

  it("are what promtool finds right", function()
    local lacks = needs.program("promtool", "prometheus")
    if lacks then
      pending(lacks)
      return
    end
    local d = started()
    report(d, token_of(d).fence)
    place:write("metrics", d:get("/metrics").body)
    assert.equal("", itriggerd.shell("promtool check metrics <" .. place.dir .. "/metrics 2>&1"))
  end)

  it("have their counters from the start, with 0", function()
    local now = metrics((started()))
    for _, sample in ipairs { 'itrigger_errors_total{app="one",code="503"}', 'itrigger_errors_total{app="one",code="40004"}',
      'itrigger_fetch_failures_total{app="one",kind="network"}', 'itrigger_refusals_total{app="one"}',
      'itrigger_token_checks_total{app="one",result="refused"}', 'itrigger_answers_total{kind="refresh",code="503"}',
      'itrigger_client_failures_total{client="shop"}', "itrigger_log_lines_dropped_total",
      "itrigger_connections_evicted_total" } do
      assert.equal(0, now[sample], sample)
    end
  end)

  it("tell when the app got a token, how long it took, and of the last reload", function()
    local before = os.time()
    local d = started()
    local now = metrics(d)
    assert.is_true(now['itrigger_last_success_timestamp_seconds{app="one"}'] >= before)
    assert.equal(1, now['itrigger_fetch_duration_seconds_count{app="one"}'])
    assert.equal(1, now.itrigger_reload_ok)
    assert.is_true(now.itrigger_reload_timestamp_seconds >= before)
    place:write("itriggerd.ini", "[server]\nthreads = none\n")
    d:signal "HUP"
    d:await "the old configuration stays"
    assert.equal(0, metrics(d).itrigger_reload_ok)
  end)

  local function certificate_end(cert, key)
    local path = place.dir .. "/socket"
    local d = started { server = { listen = "unix:" .. path, tls_cert = cert, tls_key = key } }
    d.url = "http://itriggerd"
    return exposition.read(d:get("/metrics", { "--unix-socket", path }, false).body).itrigger_certificate_expiry_timestamp_seconds
  end

  local function end_of(cert)
    return tonumber((itriggerd.shell(("date +%%s -d \"$(openssl x509 -noout -enddate -in %s | cut -d= -f2)\""):format(cert))))
  end

  it("tell when the certificate ends", function()
    local certs = sb.dir .. "/certs/"
    assert.equal(end_of(certs .. "good.pem"), certificate_end(certs .. "good.pem", certs .. "leaf.key"))
  end)

  it("tell when the chain ends, where that is before its first certificate does", function()
    itriggerd.shell(([[umask 077; cd %s
      ec="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
      openssl req -x509 $ec -days 3 -subj /CN=authority -keyout ca.key -out ca.pem 2>/dev/null
      openssl req $ec -subj /CN=localhost -keyout leaf.key -out leaf.csr 2>/dev/null
      openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 20 -out leaf.pem 2>/dev/null
      cat leaf.pem ca.pem >chain.pem]]):format(place.dir))
    assert.equal(end_of(place.dir .. "/ca.pem"), certificate_end(place.dir .. "/chain.pem", place.dir .. "/leaf.key"))
  end)

  it("count by client", function()
    local d = started()
    report(d, token_of(d).fence)
    local now = metrics(d)
    assert.equal(2, now['itrigger_client_requests_total{client="shop"}'])
    assert.equal(1, now['itrigger_client_refusals_total{client="shop"}'])
    assert.equal(0, now['itrigger_client_refreshes_total{client="shop"}'])
  end)

  describe("and its health", function()
    it("is told to anybody, while the process is there", function()
      local d = place:start { app = { app_id = "nobody" } }
      assert.equal(200, d:get("/healthz", nil, false).status)
    end)

    it("is 'not ready' while an app has no usable token, and ready after", function()
      sb:fault { kind = "hold", path = "token" }
      local d = place:start()
      local answer = d:get("/readyz", nil, false)
      assert.equal(503, answer.status)
      assert.equal(503, answer.json.code)
      sb:release {}
      d:await "token app=one"
      assert.equal(200, d:get("/readyz", nil, false).status)
    end)
  end)
end)
