-- What packaging/ has for itriggerd, checked by the programs that it is for.
local cjson = require "cjson"
local guard = require "spec.support.guard"
local itriggerd = require "spec.support.itriggerd"
local needs = require "spec.support.needs"
local sandbox = require "spec.support.sandbox"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

local function read(path)
  local file = assert(io.open("packaging/" .. path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

describe("packaging", function()
  local f = itriggerd.fixture()

  -- The names of all families that a daemon with everything in use has.
  local function families()
    local certs = f.sb.dir .. "/certs/"
    local path = f.place.dir .. "/socket"
    local d = f.place:start { server = { listen = "unix:" .. path, tls_cert = certs .. "good.pem", tls_key = certs .. "leaf.key" },
      app = { daily_limit = 100 } }
    d:await "token app=one"
    d.url = "http://itriggerd"
    local names = {}
    for name in d:get("/metrics", { "--unix-socket", path }, false).body:gmatch("\n(itrigger_[%l_]+)") do
      names[name] = true
    end
    return names
  end

  it("has a unit that systemd finds right, and well locked up", function()
    local lacks = needs.program("systemd-analyze", "systemd")
    if lacks then
      pending(lacks)
      return
    end
    local said = itriggerd.shell("systemd-analyze security --offline=true packaging/itriggerd.service 2>&1")
    local level = tonumber(said:match("Overall exposure level for itriggerd.service: ([%d.]+)"))
    assert.is_true(level ~= nil and level <= 1.5, said)
  end)

  it("has alert rules that do what their tests say", function()
    local lacks = needs.program("promtool", "prometheus")
    if lacks then
      pending(lacks)
      return
    end
    local said = itriggerd.shell("cd packaging/prometheus && { promtool check rules rules.yml "
      .. "&& promtool test rules rules_test.yml; } 2>&1; echo \"exit $?\"")
    assert.truthy(said:find("exit 0", 1, true), said)
    itriggerd.shell(("cp packaging/prometheus/rules.yml %s/itriggerd-rules.yml"):format(f.place.dir))
    f.place:write("key", itriggerd.key)
    f.place:write("prometheus.yml", (read("prometheus/scrape.yml"):gsub("/etc/prometheus/itriggerd.key", f.place.dir .. "/key")))
    said = itriggerd.shell(("promtool check config %s/prometheus.yml 2>&1; echo \"exit $?\""):format(f.place.dir))
    assert.truthy(said:find("exit 0", 1, true), said)
  end)

  it("asks Prometheus for metrics that there are, and documents those that there are", function()
    local names = families()
    local dashboard = cjson.decode(read "grafana/itriggerd.json")
    local queries = { read "prometheus/rules.yml" }
    for _, panel in ipairs(dashboard.panels) do
      for _, target in ipairs(panel.targets) do
        queries[#queries + 1] = target.expr
      end
    end
    local asked = 0
    for name in table.concat(queries, "\n"):gmatch("itrigger_[%l_]+") do
      assert.is_true(names[name] == true, name)
      asked = asked + 1
    end
    assert.is_true(asked > 30)
    local document, chinese = read "../docs/central-server.md", read "../docs/zh-CN/central-server.md"
    for series in pairs(names) do
      local name = series:gsub("_bucket$", ""):gsub("_sum$", ""):gsub("_count$", "")
      assert.truthy(document:find("`" .. name .. "[`{]"), name .. " is not in docs/central-server.md")
    end
    for alert in read("prometheus/rules.yml"):gmatch("alert: (%w+)") do
      assert.truthy(document:find("`" .. alert .. "`", 1, true), alert .. " is not in docs/central-server.md")
      assert.truthy(chinese:find("`" .. alert .. "`", 1, true), alert .. " is not in docs/zh-CN/central-server.md")
    end
  end)

  it("has panels whose queries PromQL understands", function()
    local lacks = needs.program("promtool", "prometheus")
    if lacks then
      pending(lacks)
      return
    end
    local rules = { "groups:\n- name: dashboard\n  rules:\n" }
    for i, panel in ipairs(cjson.decode(read "grafana/itriggerd.json").panels) do
      for k, target in ipairs(panel.targets) do
        local expr = target.expr:gsub("%$__rate_interval", "5m"):gsub("%$app", ".*")
        rules[#rules + 1] = ("  - record: p%d_%d\n    expr: %s\n"):format(i, k, cjson.encode(expr):gsub("\\/", "/"))
      end
    end
    local path = f.place:write("dashboard.yml", table.concat(rules))
    local said = itriggerd.shell(("promtool check rules %s 2>&1; echo \"exit $?\""):format(path))
    assert.truthy(said:find("exit 0", 1, true), said)
  end)

  it("has a pair behind HAProxy that answers while one of them is stopped, and stands still", function()
    local lacks = needs.program("haproxy", "haproxy")
    if lacks then
      pending(lacks)
      return
    end
    local a = f.place:start { name = "a.ini" }
    a:await "token app=one"
    local b = f.place:start { name = "b.ini" }
    b:await "token app=one"
    local socket = f.place.dir .. "/pair"
    local config = read("haproxy/haproxy.cfg"):gsub("tokens%-a%.internal:8700", a.address):gsub("tokens%-b%.internal:8700", b.address)
      :gsub("bind :8700", "bind unix@" .. socket .. " mode 600"):gsub("inter 1s", "inter 100ms")
      :gsub("timeout server 75s", "timeout server 3s")
    local path = f.place:write("haproxy.cfg", config)
    local said = itriggerd.shell(("haproxy -c -f %s 2>&1; echo \"exit $?\""):format(path))
    assert.truthy(said:find("exit 0", 1, true), said)
    local pipe = assert(io.popen(("haproxy -f %s >/dev/null 2>&1 & echo $!"):format(path)))
    local pid = pipe:read("*l")
    pipe:close()
    local running = guard(pid)
    finally(function()
      running:close()
    end)
    local function ask()
      return sandbox.request("http://pair" .. f.token_path, { "--unix-socket", socket, "--max-time", "10", "-H",
        "Authorization: Bearer " .. itriggerd.key }).status
    end
    local function await_answer()
      b:eventually("haproxy answers 200", function()
        assert.truthy(itriggerd.shell("kill -0 " .. pid .. " && echo runs"):find("runs", 1, true), "haproxy has ended")
        local status = ask()
        return status == 200, status
      end)
    end
    await_answer()
    assert.equal(0, a:stop())
    await_answer()
    for _ = 1, 5 do
      assert.equal(200, ask())
    end
    local c = f.place:launch("--config " .. f.place.dir .. "/a.ini") -- at another port: nobody asks it
    b:signal "STOP"
    assert.is_true(ask() ~= 200)
    b:signal "CONT"
    await_answer()
    c:stop()
  end)

  it("names the images by what their Dockerfiles call them", function()
    local names = {}
    for _, file in ipairs { "itriggerd", "openresty", "alpine" } do
      local text = read("docker/Dockerfile." .. file)
      for tag in text:gmatch("docker build %-f packaging/docker/Dockerfile%." .. file .. " %-t (%S+)") do
        names[tag] = true
      end
    end
    for _, file in ipairs { "docker/compose.yaml", "kubernetes/itriggerd.yaml" } do
      local found = 0
      for image in read(file):gmatch "\n%s+image: (itrigger[^\n]*)\n" do
        assert.is_true(names[image] == true, file .. ": " .. image)
        found = found + 1
      end
      assert.equal(1, found, file)
    end
    for file in read("docker/compose.yaml"):gmatch "dockerfile: packaging/([^ }]+)" do
      assert.truthy(read(file))
    end
  end)

  it("has a configuration for containers that is good", function()
    f.place:write("shop", "secret-of-shop\n")
    local path = f.place:write("itriggerd.ini", (read("docker/itriggerd.ini"):gsub("/run/secrets/shop", f.place.dir .. "/shop")))
    local said, code = f.place:run("--check --config " .. path)
    assert.equal(0, code, said)
    local text = read("kubernetes/itriggerd.yaml"):match("itriggerd%.ini: |\n(.-)\n%-%-%-"):gsub("\n    ", "\n"):gsub("^    ", "")
    path = f.place:write("k8s.ini", (text:gsub("/run/secrets/apps/shop", f.place.dir .. "/shop")) .. "\n")
    said, code = f.place:run("--check --config " .. path)
    assert.equal(0, code, said)
  end)
end)
