local codes = require "itrigger.codes"

describe("codes", function()
  it("names every documented code", function()
    assert.same({
      [200] = "success",
      [204] = "success",
      [500] = "system_error",
      [61451] = "bad_parameter",
      [63001] = "missing_parameter",
      [46004] = "user_not_found",
      [80001] = "member_exists",
      [80002] = "member_not_found",
      [40001] = "credentials_missing",
      [40002] = "credentials_malformed",
      [40003] = "app_frozen",
      [40004] = "limit_reached",
    }, codes)
  end)
end)
