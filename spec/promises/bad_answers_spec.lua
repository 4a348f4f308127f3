-- Promise 10: bad input from the gateway and the network gives one clear error of the right kind,
-- and the next call works.
local errors = require "itrigger.errors"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"
local network = require "spec.support.network"

local query = face.api .. "/member/query"

describe("a bad answer", function()
  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  local function check_error(expected, res, err)
    assert.is_nil(res)
    assert.is_true(errors.is(err))
    assert.equal(expected.kind, err.kind, err.message)
    assert.truthy(err.message ~= "" and not err.message:find("%c"), err.message)
    for name, value in pairs(expected) do
      if name == "text" then
        assert.truthy(err.message:find(value, 1, true), ("%q is not in %q"):format(value, err.message))
      else
        assert.equal(value, err[name], name .. ": " .. err.message)
      end
    end
    assert.equal(1, select(2, tostring(err):gsub("itrigger: ", "")))
  end

  -- The call fails so, and the one after it works.
  local function fails(expected, opts, c)
    c = c or client
    check_error(expected, c:get(face.echo_get, nil, opts))
    sb:clear()
    assert.is_string(assert(c:get(query, face.member)).data.realName)
  end

  local function answers(body, status)
    sb:answer { path = face.echo_get, body = body, status = status }
  end

  describe("of an API: no envelope", function()
    local bodies = {
      ["empty"] = "",
      ["only spaces"] = " \n",
      ["HTML"] = "<html><body>Welcome</body></html>",
      ["truncated"] = '{"code":200,"message":"操作成功","da',
      ["truncated in a string"] = '{"code":200,"message":"操',
      ["an array"] = '[{"code":200}]',
      ["a string"] = '"ok"',
      ["a number"] = "200",
      ["null"] = "null",
      ["an object without code"] = '{"message":"ok","data":{"code":200}}',
      ["code null"] = '{"code":null}',
      ["code true"] = '{"code":true}',
      ["code with a fraction"] = '{"code":200.5}',
      ["code as 200.0"] = '{"code":200.0}',
      ["code with an exponent"] = '{"code":2e2}',
      ["code a word"] = '{"code":"success"}',
      ["code an empty string"] = '{"code":""}',
      ["code with a space"] = '{"code":" 200"}',
      ["code an object"] = '{"code":{}}',
      ["code beyond 64 bits"] = '{"code":18446744073709551616}',
      ["two codes"] = '{"code":200,"data":1,"code":500}',
      ["two codes, one escaped"] = '{"code":200,"\\u0063ode":200}',
      ["more after the object"] = '{"code":200}{"code":200}',
      ["a NUL after the object"] = '{"code":200}\0',
      ["a NUL inside"] = '{"code":200,"data":"\0"}',
      ["a byte order mark"] = '\239\187\191{"code":200}',
      ["a comment"] = '{"code":200 /* ok */}',
      ["single quotes"] = "{'code':200}",
      ["NaN"] = '{"code":200,"data":NaN}',
      ["a lone surrogate"] = '{"code":200,"data":"\\ud800"}',
      ["129 levels"] = '{"code":200,"data":' .. ("["):rep(128) .. ("]"):rep(128) .. "}",
    }
    for name, body in pairs(bodies) do
      it(name .. ", HTTP 200: decode", function()
        answers(body)
        fails { kind = "decode", http_status = 200, retryable = false, method = "GET", path = face.echo_get }
      end)
    end

    it("with HTTP 502: http", function()
      answers("<html>Bad Gateway</html>", 502)
      fails { kind = "http", http_status = 502, retryable = false, text = "a proxy or a maintenance page may have answered" }
      answers("<html>not here</html>", 404)
      fails { kind = "http", http_status = 404, text = "check the path, and the option gateway" }
      answers("", 503)
      fails { kind = "http", http_status = 503 }
    end)

    it("invalid UTF-8, a thousand levels", function()
      sb:fault { kind = "invalid_utf8", path = "api" }
      fails { kind = "decode" }
      sb:fault { kind = "deep", path = "api" }
      fails { kind = "decode" }
    end)

    it("a redirect is not followed", function()
      sb:fault { kind = "redirect", path = "api", location = sb.gateway .. query }
      fails { kind = "http", http_status = 302, text = "redirect" }
      assert.equal(1, sb:state().calls[query])
    end)

    it("127 levels below the top are read", function()
      answers('{"code":200,"data":' .. ("["):rep(127) .. ("]"):rep(127) .. "}")
      assert(client:get(face.echo_get))
    end)
  end)

  describe("that is too large: http, naming the option", function()
    it("100 MB against the default", function()
      sb:fault { kind = "huge", path = "api" }
      fails { kind = "http", text = "max_response_bytes" }
    end)

    it("a byte more than max_response_bytes, and not one that just fits", function()
      local small = face.client(sb, { max_response_bytes = 1000 })
      local body = '{"code":200,"data":"' .. ("x"):rep(1000 - 22) .. '"}'
      assert.equal(1000, #body)
      answers(body)
      assert(small:get(face.echo_get))
      sb:clear()
      answers(body .. " ")
      fails({ kind = "http", text = "max_response_bytes" }, nil, small)
      small:close()
    end)
  end)

  describe("of the network", function()
    it("closed before an answer: network, once", function()
      assert(client:token())
      for _, kind in ipairs { "close", "close_read", "reset", "close_after" } do
        sb:fault { kind = kind, path = "api" }
        fails { kind = "network", retryable = false }
      end
      assert.equal(4, sb:state().calls[face.echo_get])
    end)

    it("cut in the middle: network", function()
      sb:fault { kind = "close_mid", path = "api" }
      fails { kind = "network" }
      sb:fault { kind = "wrong_length", path = "api", by = 10 }
      fails { kind = "network" }
    end)

    it("a shorter Content-Length than the body: decode", function()
      sb:fault { kind = "wrong_length", path = "api", by = -5 }
      fails { kind = "decode" }
    end)

    it("connection refused: network, retryable, because nothing was sent", function()
      local nobody = face.client(sb, { gateway = "http://127.0.0.1:1", retries = 0 })
      check_error({ kind = "network", retryable = true }, nobody:get(query))
      nobody:close()
    end)

    it("a host that does not exist: network", function()
      local nowhere = face.client(sb, { gateway = "https://" .. network.no_such_host, retries = 0, timeout = 10 })
      local res, err = nowhere:get(query)
      assert.is_nil(res)
      assert.equal("network", err.kind, err.message)
      nowhere:close()
    end)

    it("too slow, in whatever phase: timeout", function()
      assert(client:token())
      for _, fault in ipairs { { kind = "hold" }, { kind = "hold_answer" }, { kind = "drip", ms = 200 } } do
        fault.path = "api"
        sb:fault(fault)
        fails({ kind = "timeout", retryable = false }, { timeout = 0.5 })
      end
    end)
  end)

  describe("that may be asked for again", function()
    it("429 is, after its Retry-After, and 503 is not", function()
      sb:fault { kind = "too_many", path = "api", retry_after = 0 }
      assert(client:get(face.echo_get))
      assert.equal(2, sb:state().calls[face.echo_get])
      sb:fault { kind = "status", status = 503, path = "api" }
      fails { kind = "api", http_status = 503, code = 500, name = "system_error", retryable = false }
      assert.equal(3, sb:state().calls[face.echo_get])
    end)

    it("503 is too when the caller says idempotent", function()
      sb:fault { kind = "status", status = 503, path = "api" }
      assert(client:get(face.echo_get, nil, { idempotent = true }))
      assert.equal(2, sb:state().calls[face.echo_get])
    end)

    it("429 to the end is an error that says so", function()
      local eager = face.client(sb, { retries = 1 })
      sb:fault { kind = "too_many", path = "api", retry_after = 0, times = 2 }
      fails({ kind = "api", http_status = 429, retryable = true }, nil, eager)
      eager:close()
    end)
  end)

  describe("of the token endpoint", function()
    local function next_answer(body)
      sb:token { next_answers = { body } }
    end

    -- The call fails so; another app's works.
    local function fails_at_token(expected)
      local path, method = face.echo_get, "GET"
      expected.path, expected.method = path, method
      check_error(expected, client:get(path))
      local other = face.client(sb)
      assert(other:get(query, face.member))
      other:close()
      assert.is_nil(sb:state().calls[path])
    end

    it("each documented code", function()
      for code, expected in pairs {
        [40001] = { kind = "token", name = "credentials_missing" },
        [40002] = { kind = "token", name = "credentials_malformed" },
        [40003] = { kind = "token", name = "app_frozen" },
        [40004] = { kind = "quota", name = "limit_reached" },
      } do
        sb:reset()
        client:close()
        client = face.client(sb)
        next_answer(('{"code":%d,"message":"说明","data":null}'):format(code))
        expected.code = code
        fails_at_token(expected)
      end
    end)

    local bodies = {
      ["no data"] = '{"code":200,"message":"操作成功"}',
      ["data null"] = '{"code":200,"data":null}',
      ["data without token"] = '{"code":200,"data":{}}',
      ["data an array"] = '{"code":200,"data":[{"accessToken":"x"}]}',
      ["an empty token"] = '{"code":200,"data":{"accessToken":""}}',
      ["a token that is a number"] = '{"code":200,"data":{"accessToken":5}}',
      ["a token that is null"] = '{"code":200,"data":{"accessToken":null}}',
      ["a token of 64 KB"] = '{"code":200,"data":{"accessToken":"' .. ("a"):rep(65536) .. '"}}',
      ["a token with a newline"] = '{"code":200,"data":{"accessToken":"a\\nb"}}',
      ["a token with a NUL"] = '{"code":200,"data":{"accessToken":"a\\u0000b"}}',
    }
    for name, body in pairs(bodies) do
      it(name .. ": token", function()
        next_answer(body)
        fails_at_token { kind = "token" }
      end)
    end

    it("no envelope: decode", function()
      next_answer("<html></html>")
      fails_at_token { kind = "decode" }
    end)

    it("two tokens in one answer: decode", function()
      next_answer('{"code":200,"data":{"accessToken":"a","accessToken":"b"}}')
      fails_at_token { kind = "decode" }
    end)

    it("HTTP 502 without an envelope: http", function()
      sb:token { next_answers = { { status = 502, body = "<html></html>" } } }
      fails_at_token { kind = "http", http_status = 502 }
    end)

    it("after which the app works again, as soon as a fetch is asked for", function()
      next_answer("")
      check_error({ kind = "decode" }, client:get(query, face.member))
      assert(client:refresh())
      assert(client:get(query, face.member))
    end)

    it("with code \"200\" is right", function()
      sb:settings { code_as_string = true }
      assert(client:get(query, face.member))
    end)

    it("with a token that needs escaping is right, in JSON and in the URL", function()
      local token = 'a"b\\c+d/e=f&g h%会'
      sb:token { next_tokens = { token } }
      assert.equal(token, (client:token()))
      assert.equal("a%22b%5Cc%2Bd%2Fe%3Df%26g%20h%25%E4%BC%9A",
        face.echo(client).query:match("^accessToken=([^&]*)"))
    end)

    it("never shows the secret, even if the gateway repeats it", function()
      local options = face.options(sb, { app_secret = "hush-hush-hush" })
      next_answer('{"code":40002,"message":"bad appSecret hush-hush-hush"}')
      local c = assert(itrigger.new(options))
      local _, err = c:get(query)
      assert.falsy(tostring(err):find("hush-hush", 1, true))
      c:close()
    end)
  end)

  it("leaks nothing: the same failures over and over keep memory flat", function()
    local function fail_once()
      local _, err = client:get(face.echo_get, { n = ("x"):rep(1000) })
      assert.equal("decode", err.kind)
    end
    answers("<html>" .. ("x"):rep(5000))
    for _ = 1, 20 do
      fail_once()
    end
    collectgarbage()
    collectgarbage()
    local before = collectgarbage("count")
    for _ = 1, 200 do
      fail_once()
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(collectgarbage("count") - before < 20)
  end)
end)
