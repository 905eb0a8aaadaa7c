from hypothesis import settings
def test_x():
    s=settings.default
    print(s.deadline, s.max_examples, s.suppress_health_check)
    assert 0
