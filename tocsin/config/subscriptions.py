"""Who hears which news: a list. Nothing else in the house connects two apps upwards or sideways."""


def wire() -> None:
    pass
