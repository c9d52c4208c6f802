"""The service categories that exist here: two levels, who may set them, and which papers they need.

A selection in the manner of WeChat's list; ids are real only where the contract names them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

INDIVIDUAL, ENTERPRISE, GOVERNMENT, MEDIA, OTHER = range(5)
_ORGANISATIONS = frozenset({ENTERPRISE, GOVERNMENT, MEDIA, OTHER})
_EVERYONE = _ORGANISATIONS | {INDIVIDUAL}
_COMPANIES = frozenset({ENTERPRISE})
_PUBLIC = frozenset({GOVERNMENT, OTHER})
_PRESS = frozenset({GOVERNMENT, MEDIA})

_Papers = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Category:
    """One of the second level. One of the sets of `papers` is enough; without any it needs no review."""

    first: int
    first_name: str
    second: int
    second_name: str
    kinds: frozenset[int]
    papers: _Papers


_ICP = "《增值电信业务经营许可证》"
_FOOD, _DRUGS = "《食品经营许可证》", "《药品经营许可证》"
_CLINIC, _SCHOOL = "《医疗机构执业许可证》", "《民办学校办学许可证》"
_DEVICES, _DEVICES_2 = "《医疗器械经营许可证》", "《第二类医疗器械经营备案凭证》"
_INTERNET_DRUGS = "《互联网药品信息服务资格证书》"
_PUBLICATIONS, _HOTEL = "《出版物经营许可证》", "《特种行业许可证》"
_SHOWS, _VIDEO = "《营业性演出许可证》", "《信息网络传播视听节目许可证》"
_CULTURE, _NEWS = "《网络文化经营许可证》", "《互联网新闻信息服务许可证》"
_ROADS, _COURIER = "《道路运输经营许可证》", "《快递业务经营许可证》"

_TREE: tuple[tuple[int, str, tuple[tuple[int, str, frozenset[int], _Papers], ...]], ...] = (
    (304, "商家自营", (
        (305, "服装/鞋/箱包", _ORGANISATIONS, ()),
        (307, "百货", _ORGANISATIONS, ()),
        (309, "家居/家饰/家纺", _ORGANISATIONS, ()),
        (311, "数码/家用电器", _ORGANISATIONS, ()),
        (313, "玩具/母婴用品（不含食品）", _ORGANISATIONS, ()),
        (315, "美妆/洗护", _ORGANISATIONS, ()),
        (317, "鲜花/绿植/园艺", _ORGANISATIONS, ()),
        (319, "珠宝/饰品/眼镜/钟表", _ORGANISATIONS, ()),
        (321, "食品饮料", _ORGANISATIONS, ((_FOOD,), ("《食品生产许可证》",), ("《食品经营备案》",))),
        (323, "初级食用农产品", _ORGANISATIONS, ()),
        (324, "图书报刊", _ORGANISATIONS, ((_PUBLICATIONS,),)),
        (326, "酒类", _ORGANISATIONS, ((_FOOD, "《酒类零售许可证》"), ("《酒类批发许可证》",))),
        (328, "宠物食品/用品", _ORGANISATIONS, ()),
        (330, "药品（非处方药）销售", _COMPANIES, ((_DRUGS, _INTERNET_DRUGS),)),
        (332, "医疗器械经营销售", _COMPANIES, ((_DEVICES, _INTERNET_DRUGS), (_DEVICES_2,))),
    )),
    (340, "电商平台", (
        (342, "电商平台", _COMPANIES, ((_ICP,),)),
        (344, "线下超市/便利店", _ORGANISATIONS, ((_FOOD,),)),
    )),
    (150, "生活服务", (
        (152, "家政", _ORGANISATIONS, ()),
        (154, "洗浴保健", _ORGANISATIONS, (("《公共场所卫生许可证》",),)),
        (156, "摄影/扩印", _EVERYONE, ()),
        (158, "洗衣", _ORGANISATIONS, ()),
        (160, "丽人服务", _EVERYONE, ()),
        (162, "宠物（非医院类）", _EVERYONE, ()),
        (164, "婚庆服务", _EVERYONE, ()),
        (166, "环保回收/废品回收", _EVERYONE, ()),
        (168, "维修服务", _EVERYONE, ()),
        (170, "宠物医院/兽医", _ORGANISATIONS, (("《动物诊疗许可证》",),)),
        (172, "丧葬服务", _PUBLIC, (("民政部门批准文件",),)),
    )),
    (220, "餐饮服务", (
        (632, "点餐平台", _ORGANISATIONS, ((_FOOD,), ("《餐饮服务许可证》",))),
        (634, "外卖平台", _COMPANIES, ((_ICP, "食品经营者入网协议"),)),
        (636, "餐饮服务场所/餐饮服务管理企业", _ORGANISATIONS, ((_FOOD,), ("《餐饮服务许可证》",))),
        (638, "点评与推荐", _EVERYONE, ()),
        (640, "菜谱", _EVERYONE, ()),
        (642, "餐厅排队", _EVERYONE, ()),
    )),
    (1, "快递业与邮政", (
        (2, "寄件/收件", _COMPANIES, ((_COURIER,),)),
        (4, "查件", _EVERYONE, ()),
        (6, "货物运输", _COMPANIES, ((_ROADS,),)),
        (7, "装卸搬运", _EVERYONE, ()),
    )),
    (8, "教育服务", (
        (9, "婴幼儿教育", _ORGANISATIONS, ((_SCHOOL,),)),
        (11, "学历教育（培训机构）", _ORGANISATIONS, ((_SCHOOL,),)),
        (13, "驾校培训", _ORGANISATIONS, (("《道路运输经营许可证》（驾驶员培训）",),)),
        (15, "教育平台", _COMPANIES, ((_ICP,),)),
        (17, "素质教育", _ORGANISATIONS, ()),
        (19, "公立学校", _PUBLIC, (("《事业单位法人证书》",),)),
        (21, "特殊人群教育", _PUBLIC, (("残联或教育部门批准文件",),)),
    )),
    (30, "医疗服务", (
        (31, "公立医疗机构", _PUBLIC, ((_CLINIC, "《事业单位法人证书》"),)),
        (33, "私立医疗机构", _ORGANISATIONS, ((_CLINIC,),)),
        (35, "就医服务", _ORGANISATIONS, ((_CLINIC, "与医疗机构的合作协议"),)),
        (37, "健康咨询/问诊", _COMPANIES, ((_CLINIC,),)),
        (39, "血液、干细胞服务", _PUBLIC, (("《血站执业许可证》",),)),
    )),
    (50, "交通服务", (
        (51, "打车（网约车）", _COMPANIES, (("《网络预约出租汽车经营许可证》", _ICP),)),
        (53, "公交/地铁", _ORGANISATIONS, ()),
        (55, "停车", _ORGANISATIONS, ()),
        (57, "代驾", _COMPANIES, ()),
        (59, "租车", _COMPANIES, ((_ROADS,), ("《小微型客车租赁经营备案证明》",))),
        (61, "加油/充电桩", _ORGANISATIONS, ()),
        (63, "航空", _COMPANIES, (("《公共航空运输企业经营许可证》",),)),
    )),
    (80, "旅游服务", (
        (81, "酒店服务", _ORGANISATIONS, ((_HOTEL,),)),
        (83, "旅行社", _COMPANIES, (("《旅行社业务经营许可证》",),)),
        (85, "景区服务", _ORGANISATIONS, ()),
        (87, "旅游攻略", _EVERYONE, ()),
        (89, "公寓/民宿", _ORGANISATIONS, ((_HOTEL,), ("民宿备案证明",))),
    )),
    (100, "房地产服务", (
        (101, "房屋租赁", _COMPANIES, (("《房地产经纪备案证书》",),)),
        (103, "物业管理", _ORGANISATIONS, ()),
        (105, "装修/建材", _ORGANISATIONS, ()),
        (107, "房地产营销", _COMPANIES, (("《商品房预售许可证》",),)),
    )),
    (287, "工具", (
        (289, "备忘录", _EVERYONE, ()),
        (291, "计算类", _EVERYONE, ()),
        (293, "日历", _EVERYONE, ()),
        (295, "天气", _EVERYONE, ()),
        (297, "预约/报名", _EVERYONE, ()),
        (299, "企业管理", _ORGANISATIONS, ()),
        (301, "会员卡", _ORGANISATIONS, ()),
    )),
    (400, "文娱", (
        (401, "资讯", _ORGANISATIONS, ()),
        (403, "小说", _COMPANIES, (("《网络出版服务许可证》",),)),
        (405, "视频", _COMPANIES, ((_VIDEO,),)),
        (407, "音乐", _COMPANIES, ((_CULTURE,),)),
        (409, "演出票务", _COMPANIES, ((_SHOWS,),)),
        (411, "图书馆/博物馆", _PUBLIC, ()),
    )),
    (430, "社交", (
        (431, "社区/论坛", _COMPANIES, ((_ICP,),)),
        (433, "直播", _COMPANIES, ((_CULTURE, _ICP),)),
        (435, "笔记", _EVERYONE, ()),
    )),
    (450, "金融业", (
        (451, "银行", _COMPANIES, (("《金融许可证》",),)),
        (453, "保险", _COMPANIES, (("《经营保险业务许可证》",), ("《保险中介许可证》",))),
        (455, "证券/期货", _COMPANIES, (("《经营证券期货业务许可证》",),)),
    )),
    (470, "政务民生", (
        (471, "政务服务大厅", frozenset({GOVERNMENT}), ()),
        (473, "税务", frozenset({GOVERNMENT}), ()),
        (475, "水电燃气缴费", _ORGANISATIONS, (("特许经营协议",),)),
        (477, "公益慈善", _PUBLIC, (("《慈善组织公开募捐资格证书》",), ("《社会团体法人登记证书》",))),
    )),
    (490, "时政信息", (
        (491, "新闻", _PRESS, ((_NEWS,),)),
        (493, "政府公告", frozenset({GOVERNMENT}), ()),
    )),
    (510, "汽车", (
        (511, "汽车养护/维修", _ORGANISATIONS, ()),
        (513, "汽车销售（4S 店）", _COMPANIES, (("厂商授权销售文件",),)),
        (515, "二手车", _COMPANIES, ()),
    )),
    (530, "体育", (
        (531, "体育场馆服务", _ORGANISATIONS, ()),
        (533, "体育培训", _ORGANISATIONS, ()),
        (535, "在线健身", _EVERYONE, ()),
    )),
    (550, "商业服务", (
        (551, "律师事务所", _COMPANIES, (("《律师事务所执业许可证》",),)),
        (553, "法律咨询", _EVERYONE, ()),
        (555, "会展服务", _ORGANISATIONS, ()),
        (557, "人力资源/招聘", _COMPANIES, (("《人力资源服务许可证》",),)),
        (559, "广告/设计", _EVERYONE, ()),
        (561, "公证", _PUBLIC, (("《公证机构执业证》",),)),
    )),
)  # fmt: skip


@cache
def all_categories() -> dict[tuple[int, int], Category]:
    """Every category of the second level, by both ids."""
    return {
        (first, second): Category(first, first_name, second, second_name, kinds, papers)
        for first, first_name, children in _TREE
        for second, second_name, kinds, papers in children
    }


def categories_of(kind: int) -> list[Category]:
    """What a kind of subject may set."""
    return [category for category in all_categories().values() if kind in category.kinds]


def first_levels(found: Iterable[Category]) -> dict[int, list[Category]]:
    """Categories by the id of their first level, in the order of the tree."""
    levels: dict[int, list[Category]] = {}
    for category in found:
        levels.setdefault(category.first, []).append(category)
    return levels
